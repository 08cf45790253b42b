import json
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from examples.lifespan import USERS, app, hashed
from trioradius import AccessAccept, AccessReject, AccessReply, AccessRequest
from trioradius.attributes import UserName, UserPassword
from trioradius.testing import AppClient


def write(user: str, password: str) -> None:
    salt = b"some salt"
    USERS.write_text(json.dumps({user: {"salt": salt.hex(), "hash": hashed(password, salt).hex()}}))


@pytest.fixture(autouse=True)
def users_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("alice", "wonderland")


async def ask(client: AppClient, user: str, password: str) -> AccessReply:
    return await client.exchange(AccessRequest(UserName(user), UserPassword(password)))


async def test_users_come_from_the_file() -> None:
    async with AppClient(app) as client:
        assert isinstance(await ask(client, "alice", "wonderland"), AccessAccept)
        assert isinstance(await ask(client, "alice", "looking glass"), AccessReject)
        assert isinstance(await ask(client, "bob", "wonderland"), AccessReject)


async def test_the_file_is_read_again(autojump_clock: Callable[[], float]) -> None:
    async with AppClient(app) as client:
        write("bob", "builder")
        await trio.sleep(61)
        while "bob" not in app.state.hashes:  # noqa: ASYNC110  it is read in a thread
            await trio.sleep(1)
        assert isinstance(await ask(client, "bob", "builder"), AccessAccept)


async def test_without_the_file_the_server_does_not_start() -> None:
    USERS.unlink()
    with pytest.raises(FileNotFoundError):
        async with AppClient(app):
            pass
