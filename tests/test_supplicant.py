"""A whole EAP conversation over RADIUS, with honest servers and with others (RFC 3579)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from tests.eap_app import alice, eap_app
from tests.tls.pki import PKI
from trioradius import (
    AVP,
    AccessAccept,
    AccessChallenge,
    AccessReject,
    AccessReply,
    AccessRequest,
    AuthenticityError,
    ConfigurationError,
    DecodeError,
    EAPCredentials,
    EAPResult,
    NoResponse,
)
from trioradius.attributes import (
    CHAPPassword,
    EAPMessage,
    MessageAuthenticator,
    NASIdentifier,
    NASPort,
    ProxyState,
    ReplyMessage,
    State,
    UserName,
    UserPassword,
)
from trioradius.attributes.microsoft import MSMPPERecvKey, MSMPPESendKey
from trioradius.eap.packet import FAILURE, NOTIFICATION, REQUEST, SUCCESS, EAPPacket
from trioradius.eap.supplicant import EAP_METHODS, needs_tls
from trioradius.supplicant import authenticate
from trioradius.testing import AppClient

Change = Callable[[int, AccessReply], AccessReply]
MD5 = EAPCredentials(method="md5", identity="alice", password="wonderland")
CHALLENGE = EAPPacket(REQUEST, 1, 4, b"\x10" + bytes(16))
WITH_KEYS = [method for method in EAP_METHODS if needs_tls(method) or method == "mschapv2"]
VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


def eap(packet: EAPPacket) -> AVP:
    return EAPMessage(packet.encode())


SUCCEEDED = eap(EAPPacket(SUCCESS, 1))
FAILED = eap(EAPPacket(FAILURE, 1))


class Exchange:
    """A server that answers from a script, the last reply of it again and again; it keeps what was asked."""

    def __init__(self, *replies: AccessReply) -> None:
        self.replies = list(replies)
        self.asked: list[AccessRequest] = []

    async def __call__(self, request: AccessRequest) -> AccessReply:
        self.asked.append(request)
        return self.replies[min(len(self.asked), len(self.replies)) - 1]


class Tampering:
    """An honest app whose replies are changed on the way; the first one has number 1."""

    def __init__(self, client: AppClient, change: Change = lambda number, reply: reply) -> None:
        self.asked: list[AccessRequest] = []
        self.last: AccessReply | None = None
        self._client = client
        self._change = change

    async def __call__(self, request: AccessRequest) -> AccessReply:
        self.asked.append(request)
        self.last = self._change(len(self.asked), await self._client.exchange(request))
        return self.last


@VERSIONS
@pytest.mark.parametrize("method", EAP_METHODS)
async def test_every_method(pki: PKI, method: Any, version: str) -> None:
    result = await AppClient(eap_app(pki, maximum_version=version)).authenticate(alice(pki, method))
    assert result.accepted
    assert isinstance(result.reply, AccessAccept)
    assert result.reply[ReplyMessage].startswith("nas.example.org by" if method == "tls" else "")
    assert result.method == method
    assert result.reason == ""
    assert result.tls_version == (f"TLSv{version}" if needs_tls(method) else "")
    assert (result.certificate is not None) == needs_tls(method)
    assert bool(result.msk) == (method in WITH_KEYS)
    assert 2 <= result.rounds < 25


@VERSIONS
@pytest.mark.parametrize("method", [method for method in EAP_METHODS if "tls" not in method.split("-")])
async def test_a_wrong_password(pki: PKI, method: Any, version: str) -> None:
    result = await AppClient(eap_app(pki, maximum_version=version)).authenticate(alice(pki, method, "looking glass"))
    assert isinstance(result.reply, AccessReject)
    assert not result.accepted
    assert result.msk == b""
    expected = {"mschapv2", "peap-mschapv2", "ttls-eap-mschapv2"}
    assert result.reason.startswith("MS-CHAP error 691") == (method in expected)


async def test_a_domain(pki: PKI) -> None:
    for method in ("mschapv2", "peap-mschapv2", "ttls-mschapv2"):
        credentials = attrs.evolve(alice(pki, method), identity="HOME\\alice")
        assert (await AppClient(eap_app(pki)).authenticate(credentials)).accepted


@VERSIONS
@pytest.mark.parametrize("method", ["tls", "peap-mschapv2", "ttls-pap"])
@pytest.mark.parametrize("changes", [{"server_name": "radius.example.org"}, {"ca": "deep.pem"}])
async def test_a_server_that_is_not_believed(pki: PKI, method: Any, version: str, changes: dict[str, str]) -> None:
    """It is told, and answers Access-Reject; what comes of it is that it was not believed."""
    given = {name: pki.folder / value if name == "ca" else value for name, value in changes.items()}
    asking = Tampering(AppClient(eap_app(pki, maximum_version=version)))
    with pytest.raises(AuthenticityError) as raised:
        await authenticate(asking, alice(pki, method, **given))
    assert raised.value.reason == "certificate_refused"
    assert isinstance(asking.last, AccessReject)
    assert all(b"wonderland" not in request[EAPMessage] for request in asking.asked)


async def test_what_every_request_has(pki: PKI) -> None:
    """User-Name and the given attributes each time, State as it came, a password and Proxy-State never."""
    asking = Tampering(AppClient(eap_app(pki)))
    credentials = attrs.evolve(alice(pki, "ttls-pap"), anonymous_identity="anonymous@example.org")
    result = await authenticate(asking, credentials, NASPort(7), ("NAS-Identifier", "ap"))
    assert result.accepted
    assert len(asking.asked) == result.rounds
    assert [State in request for request in asking.asked] == [False, *[True] * (result.rounds - 1)]
    for request in asking.asked:
        assert request.all(UserName) == ("anonymous@example.org",)
        assert (request[NASPort], request[NASIdentifier]) == (7, "ap")
        assert UserPassword not in request
        assert b"alice" not in request[EAPMessage]
        assert b"wonderland" not in request[EAPMessage]


async def test_the_rules_of_state() -> None:
    """RFC 2865 section 5.24: it is copied unmodified; nothing else of a challenge is."""
    asking = Exchange(
        AccessChallenge(eap(CHALLENGE), State(b"one"), ProxyState(b"p"), ReplyMessage("x")),
        AccessChallenge(eap(attrs.evolve(CHALLENGE, identifier=2)), State(b"two"), State(b"three")),
        AccessChallenge(eap(attrs.evolve(CHALLENGE, identifier=3))),
        AccessReject(FAILED),
    )
    await authenticate(asking, MD5)
    assert [request.all(State) for request in asking.asked] == [(), (b"one",), (b"two", b"three"), ()]
    assert {name for request in asking.asked for name, _ in request} == {"User-Name", "EAP-Message", "State"}


async def test_another_user_name() -> None:
    asking = Exchange(AccessReject(FAILED))
    await authenticate(asking, MD5, UserName("somebody"))
    assert asking.asked[0].all(UserName) == ("somebody",)
    assert EAPPacket.decode(asking.asked[0][EAPMessage]).data == b"alice"


@pytest.mark.parametrize(
    "attribute",
    [
        UserPassword("wonderland"),
        CHAPPassword(bytes(17)),
        EAPMessage(b"x"),
        State(b"x"),
        MessageAuthenticator(bytes(16)),
        ("ARAP-Password", bytes(16)),
    ],
    ids=str,
)
async def test_what_cannot_be_beside_eap(attribute: Any) -> None:
    """RFC 3579 section 2.1."""
    asking = Exchange(AccessReject(FAILED))
    with pytest.raises(ConfigurationError, match="cannot be among the attributes of an EAP conversation"):
        await authenticate(asking, MD5, attribute)
    assert asking.asked == []


@pytest.mark.parametrize("method", EAP_METHODS)
async def test_a_success_before_anything_was_asked(pki: PKI, method: Any) -> None:
    with pytest.raises(AuthenticityError) as raised:
        await authenticate(Exchange(AccessAccept(SUCCEEDED)), alice(pki, method))
    assert raised.value.reason == "eap_premature_success"


@VERSIONS
@pytest.mark.parametrize("method", ["tls", "mschapv2", "peap-mschapv2", "peap-tls", "ttls-mschapv2", "ttls-pap"])
async def test_a_success_at_any_earlier_round(pki: PKI, method: Any, version: str) -> None:
    """Whoever is in the middle says it instead of the server, with keys of his own."""
    app = eap_app(pki, maximum_version=version)
    rounds = (await AppClient(app).authenticate(alice(pki, method))).rounds
    lie = AccessAccept(SUCCEEDED, MSMPPERecvKey(bytes(32)), MSMPPESendKey(bytes(32)))
    for at in range(1, rounds):
        asking = Tampering(AppClient(app), lambda number, reply, at=at: lie if number == at else reply)  # type: ignore[misc]
        with pytest.raises(AuthenticityError) as raised:
            await authenticate(asking, alice(pki, method))
        assert raised.value.reason in ("eap_premature_success", "eap_keys")
        assert len(asking.asked) == at


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (AccessAccept(), "Access-Accept with EAP Failure, or without EAP-Message"),
        (AccessAccept(FAILED), "Access-Accept with EAP Failure, or without EAP-Message"),
        (AccessAccept(eap(CHALLENGE)), "Access-Accept with EAP Failure, or without EAP-Message"),
        (AccessReject(SUCCEEDED), "Access-Reject with EAP Success"),
    ],
)
async def test_replies_that_contradict_themselves(reply: AccessReply, text: str) -> None:
    """RFC 3579 section 2.6.3."""
    with pytest.raises(AuthenticityError, match=text) as raised:
        await authenticate(Exchange(AccessChallenge(eap(CHALLENGE)), reply), MD5)
    assert raised.value.reason == "eap_conflict"


async def test_a_method_without_keys() -> None:
    result = await authenticate(Exchange(AccessChallenge(eap(CHALLENGE)), AccessAccept(SUCCEEDED)), MD5)
    assert result == EAPResult(AccessAccept(SUCCEEDED), "md5", 2)
    assert result.accepted


@pytest.mark.parametrize("reply", [AccessReject(), AccessReject(FAILED)])
async def test_a_rejection_may_go_without_eap(reply: AccessReject) -> None:
    """A proxy on the way may reject as well."""
    result = await authenticate(Exchange(reply), MD5)
    assert result == EAPResult(reply, "md5", 1)
    assert not result.accepted


async def test_why_a_rejection() -> None:
    offered = EAPPacket(REQUEST, 1, 13, b"\x20")
    result = await authenticate(Exchange(AccessChallenge(eap(offered)), AccessReject(FAILED)), MD5)
    assert result.reason == "EAP: the server proposes type 13, not 4"


def keys(reply: AccessReply, *changed: AVP) -> AccessReply:
    """The final reply with other keys."""
    return reply.without_attributes("MS-MPPE-Recv-Key", "MS-MPPE-Send-Key").with_attributes(*changed)  # type: ignore[return-value]


@pytest.mark.parametrize("method", ["tls", "mschapv2", "peap-gtc"])
@pytest.mark.parametrize(
    "forge",
    [
        lambda received, sent: (MSMPPERecvKey(bytes(32)), MSMPPESendKey(sent)),
        lambda received, sent: (MSMPPERecvKey(received), MSMPPESendKey(bytes(len(sent) - 1) + b"\1")),
        lambda received, sent: (MSMPPERecvKey(sent), MSMPPESendKey(received)),
        lambda received, sent: (MSMPPERecvKey(received),),
        lambda received, sent: (MSMPPESendKey(sent),),
        lambda received, sent: (MSMPPERecvKey(received[:-1]), MSMPPESendKey(sent)),
        lambda received, sent: (MSMPPERecvKey(received), MSMPPESendKey(sent + b"\0")),
        lambda received, sent: (MSMPPERecvKey(received + sent),),
    ],
)
async def test_keys_that_differ(pki: PKI, method: Any, forge: Callable[[bytes, bytes], tuple[AVP, ...]]) -> None:
    """Then the access point and the supplicant would not understand each other, or somebody else is in between."""

    def change(number: int, reply: AccessReply) -> AccessReply:
        if not isinstance(reply, AccessAccept):
            return reply
        return keys(reply, *forge(reply[MSMPPERecvKey], reply[MSMPPESendKey]))

    for require_keys in (True, False):
        asking = Tampering(AppClient(eap_app(pki)), change)
        with pytest.raises(AuthenticityError) as raised:
            await authenticate(asking, attrs.evolve(alice(pki, method), require_keys=require_keys))
        assert raised.value.reason == "eap_keys"


@pytest.mark.parametrize("method", ["tls", "mschapv2"])
async def test_keys_that_are_missing(pki: PKI, method: Any) -> None:
    """A wired network can do without; a wireless one cannot."""

    def change(number: int, reply: AccessReply) -> AccessReply:
        return keys(reply) if isinstance(reply, AccessAccept) else reply

    with pytest.raises(AuthenticityError) as raised:
        await authenticate(Tampering(AppClient(eap_app(pki)), change), alice(pki, method))
    assert raised.value.reason == "eap_keys_missing"
    wired = attrs.evolve(alice(pki, method), require_keys=False)
    assert (await authenticate(Tampering(AppClient(eap_app(pki)), change), wired)).accepted


@pytest.mark.parametrize("maximum", [1, 50])
@pytest.mark.parametrize("packet", [EAPPacket(REQUEST, 1, NOTIFICATION, b"wait"), EAPPacket(REQUEST, 1, 13, b"\x20")])
async def test_rounds_without_end(packet: EAPPacket, maximum: int) -> None:
    class Endless(Exchange):
        async def __call__(self, request: AccessRequest) -> AccessReply:
            self.replies = [AccessChallenge(eap(attrs.evolve(packet, identifier=len(self.asked) % 256)))]
            return await super().__call__(request)

    asking = Endless()
    with pytest.raises(AuthenticityError, match=f"has not come to an end after {maximum} rounds") as raised:
        await authenticate(asking, attrs.evolve(MD5, rounds_maximum=maximum))
    assert raised.value.reason == "eap_rounds"
    assert len(asking.asked) == maximum


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (AccessChallenge(State(b"x")), "eap_missing"),
        (AccessChallenge(EAPMessage(b"\1\1")), "eap_malformed"),
        (AccessChallenge(SUCCEEDED), "eap_unexpected"),
        (AccessAccept(EAPMessage(b"\3\1")), "eap_malformed"),
    ],
)
async def test_eap_that_makes_no_sense(reply: AccessReply, reason: str) -> None:
    with pytest.raises(DecodeError) as raised:
        await authenticate(Exchange(reply), MD5)
    assert raised.value.reason == reason


async def test_a_change_of_method() -> None:
    asking = Exchange(AccessChallenge(eap(CHALLENGE)), AccessChallenge(eap(EAPPacket(REQUEST, 2, 6, b"Password:"))))
    with pytest.raises(AuthenticityError) as raised:
        await authenticate(asking, MD5)
    assert raised.value.reason == "eap_method_changed"


async def test_silence_is_what_the_exchange_says() -> None:
    async def silent(request: AccessRequest) -> AccessReply:
        raise NoResponse("nobody", reason="connection_refused")

    with pytest.raises(NoResponse, match="nobody"):
        await authenticate(silent, MD5)


async def test_keys_are_in_no_repr(pki: PKI) -> None:
    result = await AppClient(eap_app(pki)).authenticate(alice(pki, "mschapv2"))
    assert result.msk
    assert repr(result.msk)[2:-1] not in repr(result)
    assert "msk" not in repr(result)
