from pathlib import Path

import pytest

from examples.database_peers import app, change, peers, write
from trioradius import AccessAccept, AccessRequest, UnknownPeer
from trioradius.attributes import UserName, UserPassword
from trioradius.testing import AppClient

REQUEST = AccessRequest(UserName("alice"), UserPassword("wonderland"))


@pytest.fixture(autouse=True)
def nas_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    peers.forget()
    write("192.0.2.1", "first secret", "hall")


async def test_a_nas_of_the_table_is_known() -> None:
    assert isinstance(await AppClient(app, address="192.0.2.1").exchange(REQUEST), AccessAccept)
    assert (await peers.find("192.0.2.1")).name == "hall"


async def test_another_is_not_until_it_is_added() -> None:
    client = AppClient(app, address="192.0.2.2")
    with pytest.raises(UnknownPeer):
        await client.exchange(REQUEST)
    await change("192.0.2.2", "second secret", "attic")
    assert isinstance(await client.exchange(REQUEST), AccessAccept)


async def test_a_secret_written_behind_its_back_is_found_after_forget() -> None:
    before = await peers.find("192.0.2.1")
    write("192.0.2.1", "another secret", "hall")
    assert await peers.find("192.0.2.1") is before
    peers.forget("192.0.2.1")
    assert (await peers.find("192.0.2.1")).secret != before.secret
