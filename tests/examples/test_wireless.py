import pathlib
from datetime import UTC, datetime

import pytest

from examples import wireless
from trioradius import TLSSettings
from trioradius.attributes import TunnelMediumType, TunnelPrivateGroupId, TunnelType
from trioradius.eap.supplicant import EAPCredentials, EAPMethod
from trioradius.protocol.profile import RADIUS_1_0, RADIUS_1_1
from trioradius.supplicant import EAPResult, authenticate
from trioradius.testing import AppClient
from trioradius.tls.certificates import write_development_certificates


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    write_development_certificates(tmp_path, datetime.now(UTC))
    return tmp_path


@pytest.fixture(params=[RADIUS_1_0, RADIUS_1_1], ids=["1.0", "1.1"])
def client(folder: pathlib.Path, request: pytest.FixtureRequest) -> AppClient:
    return AppClient(wireless.make_app(folder), profile=request.param)


async def connect(
    client: AppClient, folder: pathlib.Path, method: EAPMethod, identity: str, password: str | None
) -> EAPResult:
    files = {"certificate": folder / "client.pem", "key": folder / "client.key"} if password is None else {}
    credentials = EAPCredentials(
        method=method,
        identity=identity,
        password=password,
        anonymous_identity="" if password is None else "anonymous",
        tls=TLSSettings(ca=folder / "ca.pem", server_name="localhost", **files),
    )
    return await authenticate(client.exchange, credentials)


@pytest.mark.parametrize(
    ("method", "identity", "password", "vlan"),
    [
        ("peap-mschapv2", "alice", "wonderland", "10"),
        ("ttls-pap", "bob", "looking glass", "20"),
        ("tls", "alice", None, "30"),
    ],
)
async def test_a_user_gets_a_vlan(
    client: AppClient, folder: pathlib.Path, method: EAPMethod, identity: str, password: str | None, vlan: str
) -> None:
    result = await connect(client, folder, method, identity, password)
    assert result.accepted and result.msk
    assert result.reply[TunnelType] == TunnelType.VLAN
    assert result.reply[TunnelMediumType] == TunnelMediumType.IEEE_802
    assert result.reply[TunnelPrivateGroupId] == vlan


@pytest.mark.parametrize(("identity", "password"), [("alice", "looking glass"), ("mallory", "x"), ("carol", "teapot")])
async def test_nobody_else_gets_in(client: AppClient, folder: pathlib.Path, identity: str, password: str) -> None:
    """Carol has a password, and no VLAN."""
    assert not (await connect(client, folder, "peap-mschapv2", identity, password)).accepted
