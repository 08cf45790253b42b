import pathlib

from examples.dtls import app
from tests.dtls_nas import connected, login, served
from tests.tls.pki import PKI


async def test_alice_gets_in(tmp_path: pathlib.Path) -> None:
    pki = PKI(tmp_path)
    async with served(app, pki.settings("server")) as address, connected(address, pki) as nas:
        assert b"Welcome, Alice" in await nas.ask(login("alice", "wonderland"))
