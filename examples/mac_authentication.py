"""MAC authentication: a switch asks for a device by its MAC address, and puts its port into the VLAN of the reply.

A MAC address is no secret, so this sorts devices into networks; it does not keep anybody out.
"""

from trioradius import AccessAccept, AccessReject, AccessRequest, App
from trioradius.attributes import (
    CallingStationId,
    ServiceType,
    TunnelMediumType,
    TunnelPrivateGroupId,
    TunnelType,
    UserName,
)

VLANS = {"0011223344aa": "20", "0011223344bb": "30"}

app = App(peers={"127.0.0.1": b"testing123"})


def bare(mac: str) -> str:
    """00-11-22-33-44-AA, 00:11:22:33:44:aa and 0011.2233.44aa are one device: 0011223344aa."""
    return mac.lower().translate(str.maketrans("", "", "-:."))


@app.on(AccessRequest, when=lambda request: request[ServiceType] == ServiceType.CALL_CHECK)
async def admit(request: AccessRequest) -> AccessAccept | AccessReject:
    mac = bare(request[CallingStationId])
    vlan = VLANS.get(mac)
    if vlan is None or bare(request[UserName]) != mac:
        return request.reject(reason=f"no VLAN for {mac}")
    # The tag says which attributes make one tunnel (RFC 2868); with VLANs as RFC 3580 section 3.31 has it.
    return request.accept(
        TunnelType(TunnelType.VLAN, tag=1),
        TunnelMediumType(TunnelMediumType.IEEE_802, tag=1),
        TunnelPrivateGroupId(vlan, tag=1),
    )
