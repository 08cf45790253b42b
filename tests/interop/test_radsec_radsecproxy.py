"""radsecproxy between a client and a server of ours, by pairs of transports."""

from __future__ import annotations

import pathlib
from typing import Final

import pytest
import trio

from tests.desk import served
from tests.tls.pki import PKI
from trioradius import AccessAccept, Peer, StatusServer, open_client
from trioradius.transports import DTLS, TLS, UDP

from .radsec import CHANGE, SECRET, Kind, accounts, application, authenticates, prints, radsecproxy

PEERS: Final = {"127.0.0.1": Peer(SECRET), "dns:nas.example.org": Peer()}
CLASSES: Final = {"tls": TLS, "dtls": DTLS}


def address(kind: Kind, port: int, pki: PKI, stem: str) -> UDP | TLS | DTLS:
    """Where to listen, or to send, with this certificate where it takes one."""
    return UDP("127.0.0.1", port) if kind == "udp" else CLASSES[kind]("127.0.0.1", port, pki.settings(stem))


@pytest.mark.parametrize("theirs", ["udp", "tls", "dtls"])
@pytest.mark.parametrize("ours", ["udp", "tls", "dtls"])
async def test_through_radsecproxy(pki: PKI, tmp_path: pathlib.Path, ours: Kind, theirs: Kind) -> None:
    """Our client, a proxy, our server; CoA ends at radsecproxy 1.9.2, which says that it ignores it."""
    app = application(PEERS)
    async with (
        served(app, address(theirs, 0, pki, "server")) as (_, server),
        radsecproxy(pki, tmp_path, ours, theirs, server) as port,
        open_client(
            address(ours, port, pki, "client"),
            secret=SECRET if ours == "udp" else None,
            require_message_authenticator=False,
        ) as client,
        trio.open_nursery() as nursery,
    ):
        await authenticates(client)
        await accounts(client)
        assert isinstance(await client.exchange(StatusServer()), AccessAccept)
        assert client.profile.name == "1.0"
        nursery.start_soon(client.exchange, CHANGE)
        await prints(tmp_path / "output", "accepts only access-requests, accounting-requests and status-server")
        nursery.cancel_scope.cancel()
    assert (app.counters["Access-Request"], app.counters["Accounting-Request"]) == (4, 1)
    assert not app.counters["CoA-Request"]
    assert not [name for name in app.counters if "." in name]
