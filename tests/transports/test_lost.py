"""Why a client has no connection, in its words."""

from __future__ import annotations

import pytest
import trio

from trioradius.transports.lost import ConnectionLost, require_another_end


async def test_a_socket_that_leads_to_itself() -> None:
    """T15: the port that the kernel chose for a client is that of a server which is down."""
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as looped, trio.socket.socket() as unconnected:
        await looped.bind(("127.0.0.1", 0))
        await looped.connect(looped.getsockname())
        with pytest.raises(ConnectionLost) as raised:
            require_another_end(looped)
        assert raised.value.reason == "self_connection"
        require_another_end(unconnected)


async def test_a_tcp_connection_to_itself() -> None:
    """TCP allows it as well: both ends open at once (RFC 9293 section 3.5)."""
    with trio.socket.socket() as looped:
        await looped.bind(("127.0.0.1", 0))
        await looped.connect(looped.getsockname())
        with pytest.raises(ConnectionLost):
            require_another_end(looped)
