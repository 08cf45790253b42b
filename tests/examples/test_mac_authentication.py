from examples.mac_authentication import app
from trioradius import AccessAccept, AccessReject, AccessReply, AccessRequest
from trioradius.attributes import (
    CallingStationId,
    ServiceType,
    TunnelMediumType,
    TunnelPrivateGroupId,
    TunnelType,
    UserName,
    UserPassword,
)
from trioradius.testing import AppClient


async def ask(user: str, station: str) -> AccessReply:
    return await AppClient(app).exchange(
        AccessRequest(
            UserName(user),
            UserPassword(user),
            CallingStationId(station),
            ServiceType(ServiceType.CALL_CHECK),
        )
    )


async def test_a_known_device_gets_its_vlan() -> None:
    reply = await ask("0011223344bb", "00-11-22-33-44-BB")
    assert isinstance(reply, AccessAccept)
    assert reply.get(TunnelType, tag=1) == TunnelType.VLAN
    assert reply.get(TunnelMediumType, tag=1) == TunnelMediumType.IEEE_802
    assert reply.get(TunnelPrivateGroupId, tag=1) == "30"
    assert reply.get(TunnelPrivateGroupId, tag=2) is None


async def test_others_are_rejected() -> None:
    assert isinstance(await ask("0011223344cc", "00-11-22-33-44-CC"), AccessReject)
    assert isinstance(await ask("alice", "00-11-22-33-44-BB"), AccessReject)


async def test_a_person_is_not_asked_for_by_mac() -> None:
    request = AccessRequest(UserName("0011223344bb"), CallingStationId("00-11-22-33-44-BB"))
    assert isinstance(await AppClient(app).exchange(request), AccessReject)
