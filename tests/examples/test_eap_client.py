import pathlib
import shutil
from collections.abc import Callable

import pytest
import trio

from examples import eap_client
from tests.eap_app import eap_app
from tests.tls.pki import PKI
from trioradius import UDP, Retransmission, open_client, serve


async def test_a_network(nursery: trio.Nursery, pki: PKI, capsys: pytest.CaptureFixture[str]) -> None:
    [(host, port)] = await nursery.start(serve, eap_app(pki), UDP("127.0.0.1", 0))
    await eap_client.main(host, pki.folder, port)
    assert capsys.readouterr().out.splitlines() == [
        "peap-mschapv2: accepted after 10 rounds over TLSv1.3",
        "ttls-pap: accepted after 6 rounds over TLSv1.3",
        "tls: accepted after 8 rounds over TLSv1.3",
        "peap-mschapv2: rejected MS-CHAP error 691: authentication failure",
    ]


async def test_a_server_of_somebody_else(
    nursery: trio.Nursery, pki: PKI, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("client.pem", "client.key"):
        shutil.copy(pki.folder / name, tmp_path)
    shutil.copy(pki.folder / "deep.pem", tmp_path / "ca.pem")
    [(host, port)] = await nursery.start(serve, eap_app(pki), UDP("127.0.0.1", 0))
    await eap_client.main(host, tmp_path, port)
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 4
    assert all("do not believe it: the EAP server: " in line for line in told)


async def test_nobody_there(pki: PKI, autojump_clock: Callable[[], float]) -> None:
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as silent:
        await silent.bind(("127.0.0.1", 0))
        address = UDP(*silent.getsockname())
        async with open_client(address, secret="x", retransmission=Retransmission(attempts=1)) as client:
            assert (await eap_client.check(client, eap_client.users(pki.folder)[0])).startswith("silent: ")
