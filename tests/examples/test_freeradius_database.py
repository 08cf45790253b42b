import pathlib

import pytest

from examples.freeradius_database import app, make
from trioradius import AccessAccept, AccessReject, AccessRequest, NoResponse, UnknownPeer
from trioradius.attributes import UserName, UserPassword
from trioradius.protocol.profile import RADIUS_1_0, RADIUS_1_1, Profile
from trioradius.testing import AppClient


@pytest.fixture(autouse=True)
def directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app.peers.forget()


@pytest.mark.parametrize("profile", [RADIUS_1_0, RADIUS_1_1])
async def test_a_user_of_the_database_gets_in_with_the_rate_of_his_group(profile: Profile) -> None:
    await make()
    async with AppClient(app, profile=profile) as client:
        accepted = await client.exchange(AccessRequest(UserName("alice"), UserPassword("wonderland")))
        assert isinstance(accepted, AccessAccept)
        assert accepted["Mikrotik-Rate-Limit"] == "5M/20M"
        for name, password in (("alice", "wrong"), ("bob", "wonderland")):
            refused = await client.exchange(AccessRequest(UserName(name), UserPassword(password)))
            assert isinstance(refused, AccessReject)


async def test_a_nas_that_is_not_in_the_table_gets_nothing() -> None:
    await make()
    async with AppClient(app, address="192.0.2.7") as client:
        with pytest.raises((UnknownPeer, NoResponse), match=r"unknown NAS: 192\.0\.2\.7"):
            await client.exchange(AccessRequest(UserName("alice"), UserPassword("wonderland")))
