"""Protocol-Error in RADIUS/1.0 (RFC 7930 section 4): over TLS and DTLS alone, and for what is not supported alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.desk import served
from tests.tls.pki import PKI
from trioradius import (
    DTLS,
    TLS,
    UDP,
    AccountingRequest,
    AccountingResponse,
    App,
    CoANAK,
    CoARequest,
    DisconnectRequest,
    NoResponse,
    Peer,
    Request,
    open_client,
)
from trioradius.attributes import AVP, Dictionary, ErrorCause, OriginalPacketCode, ProxyState, UserName
from trioradius.protocol.exchange import Sent
from trioradius.protocol.packets import ProtocolError
from trioradius.protocol.profile import RADIUS_1_0, RADIUS_1_0_SECURED
from trioradius.protocol.secret import Secret

SECRET = Secret(b"radsec")


def sent(*states: AVP) -> Sent[AccountingResponse]:
    return Sent.make(AccountingRequest(UserName("alice"), *states), 7, SECRET, RADIUS_1_0)


def answered(asked: Sent[Any], cause: int = 406) -> bytes | None:
    return RADIUS_1_0_SECURED.unanswered(asked.octets, cause, SECRET)


@pytest.mark.parametrize("cause", [406, 502])
def test_it_says_which_packet_and_why(cause: int) -> None:
    """With Message-Authenticator first, and Proxy-State as it came."""
    asked = sent(*[ProxyState(state) for state in (b"first", b"second")])
    octets = answered(asked, cause)
    assert octets is not None and octets[20:22] == b"\x50\x12"
    refusal = asked.read_reply(octets, Dictionary.bundled())
    assert isinstance(refusal, ProtocolError)
    assert (refusal[OriginalPacketCode], refusal[ErrorCause]) == (4, cause)
    assert refusal.all(ProxyState) == (b"first", b"second")


def test_it_fits_whatever_it_answers() -> None:
    """Proxy-State would make it longer than RADIUS allows."""
    whole, without = (answered(sent(*[ProxyState(bytes(octets))] * 16)) for octets in (250, 251))
    assert whole is not None and len(whole) == 4083
    assert without is not None and len(without) == 51


def test_when_there_is_silence() -> None:
    asked = sent()
    assert answered(asked, 506) is None
    assert RADIUS_1_0.unanswered(asked.octets, 406, SECRET) is None
    assert RADIUS_1_0_SECURED.unanswered(asked.octets, 406, None) is None
    assert RADIUS_1_0_SECURED.unanswered(asked.octets[:19], 406, SECRET) is None
    assert RADIUS_1_0_SECURED.unanswered(b"\x02" + asked.octets[1:], 406, SECRET) is None


@pytest.mark.parametrize("transport", [TLS, DTLS])
@pytest.mark.parametrize("kind", [AccountingRequest, CoARequest, DisconnectRequest])
@pytest.mark.parametrize("accepts", [None, []])
async def test_a_client_stops_at_once(
    pki: PKI, transport: type[TLS] | type[DTLS], kind: type[Request[Any]], accepts: list[type[Request[Any]]] | None
) -> None:
    """Whether no handler takes such a request, or the listener does not."""
    app: App[None] = App({"dns:nas.example.org": Peer()})
    async with (
        served(app, transport("127.0.0.1", 0, pki.settings("server"), accepts=accepts)) as (host, port),
        open_client(transport(host, port, pki.settings("client", versions="1.0"))) as client,
    ):
        with pytest.raises(NoResponse) as raised:
            await client.exchange(kind(UserName("alice")))
        assert app.counters["Protocol-Error"] == 1, "it was asked once"
        assert raised.value.reason == "protocol_error"
        assert raised.value.reply is not None
        assert raised.value.reply[ErrorCause] == 406
        assert raised.value.reply[OriginalPacketCode] == kind.code
        assert not client.counters


async def test_over_udp_there_is_a_nak_as_ever() -> None:
    app: App[None] = App({"127.0.0.1": b"twenty-four octets, say."})
    async with (
        served(app, UDP("127.0.0.1", 0)) as (host, port),
        open_client(UDP(host, port), secret=b"twenty-four octets, say.") as client,
    ):
        nak = await client.exchange(CoARequest(UserName("alice")))
        assert isinstance(nak, CoANAK)
        assert nak[ErrorCause] == 406
