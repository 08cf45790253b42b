"""EAP over RADIUS: RFC 3579 from octets to octets, and plain passwords by the same handler."""

from __future__ import annotations

import base64
import hashlib
import logging
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.authentication.talk import PASSWORDS, Served, converse, request_of, step
from tests.eap.peers import Peer
from tests.eap.test_conversation import Scripted
from trioradius import (
    AVP,
    AccessAccept,
    AccessChallenge,
    AccessReject,
    AccessReply,
    AccessRequest,
    App,
    ConfigurationError,
    NoResponse,
    chap,
)
from trioradius import Peer as NAS
from trioradius.attributes import (
    EAPKeyName,
    EAPMessage,
    ErrorCause,
    FramedMTU,
    ReplyMessage,
    SessionTimeout,
    State,
    UserName,
    UserPassword,
)
from trioradius.attributes.microsoft import (
    MSCHAP2Response,
    MSCHAP2Success,
    MSCHAPChallenge,
    MSCHAPError,
    MSCHAPResponse,
    MSMPPERecvKey,
    MSMPPESendKey,
)
from trioradius.authentication import EAP, EAPGTC, EAPMD5, EAPMSCHAPv2, Hashed, Identity, Known, Passwords, worker_of
from trioradius.authentication.conversations import REMEMBERED_SECONDS, this_worker
from trioradius.eap.method import Ask, Done, Failed, Outcome, Send
from trioradius.protocol import ms_chap
from trioradius.protocol.profile import RADIUS_1_1
from trioradius.protocol.proofs import PAP
from trioradius.testing import AppClient

EVERY = (EAPMSCHAPv2(), EAPMD5(), EAPGTC())
SSHA = Hashed("{SSHA}" + base64.b64encode(hashlib.sha1(b"wonderlandsalt").digest() + b"salt").decode())


class Any55(Peer):
    """A peer of the scripted method."""

    def answer(self, octets: bytes) -> bytes:
        return bytes((2, octets[1], 0, 6, 55, 0))


@pytest.mark.parametrize("method", EVERY, ids=[method.name for method in EVERY])
async def test_a_conversation(method: Any, caplog: pytest.LogCaptureFixture) -> None:
    served = Served(EAP([method]))
    with caplog.at_level(logging.INFO, "trioradius"):
        accept = await converse(served.client(), Peer())
        reject = await converse(served.client(), Peer(password="wonderlamp"))
        unknown = await converse(served.client(), Peer("mallory"))
    assert isinstance(accept, AccessAccept)
    assert accept[EAPMessage][0] == 3
    assert (MSMPPERecvKey in accept, MSMPPESendKey in accept) == (method.type == 26,) * 2
    assert served.let_in == [Identity("alice", "alice", method.name)]
    for refused in (reject, unknown):
        assert isinstance(refused, AccessReject)
        assert refused[EAPMessage][0] == 4 and len(refused[EAPMessage]) == 4
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        f"127.0.0.1:1812: 'alice' by EAP, {method.name}",
        f"127.0.0.1:1812: Access-Reject 'alice': EAP of 'alice', {method.name}: wrong password",
        f"127.0.0.1:1812: Access-Reject 'mallory': EAP of 'mallory', {method.name}: unknown user",
    ]
    assert "wonder" not in caplog.text


async def test_keys_are_halves_of_the_msk_and_eap_key_name_is_for_who_asks() -> None:
    """RFC 2548 section 2.4, RFC 3748 section 7.10, RFC 7268 section 2.2."""
    outcome = Outcome("Scripted", "alice", msk=bytes(range(64)), session_id=b"\x37" + b"s" * 64)

    def served() -> Served:
        return Served(EAP([Scripted([Send(b"?"), Done(outcome)])]))

    plain = await converse(served().client(), Any55())
    assert plain[MSMPPERecvKey] == bytes(range(32)) and plain[MSMPPESendKey] == bytes(range(32, 64))
    assert EAPKeyName not in plain and UserName not in plain
    asked = await converse(served().client(), Any55(), EAPKeyName(b"\0"))
    assert asked[EAPKeyName] == b"\x37" + b"s" * 64


async def test_user_name_comes_back_where_the_nas_had_none() -> None:
    client = Served(EAP([EAPGTC()])).client()
    first = await client.exchange(AccessRequest(EAPMessage(b"")))
    second = await client.exchange(AccessRequest(EAPMessage(Peer().answer(first[EAPMessage])), State(first[State])))
    accept = await client.exchange(AccessRequest(EAPMessage(Peer().answer(second[EAPMessage])), State(second[State])))
    assert isinstance(accept, AccessAccept) and accept[UserName] == "alice"


async def test_eap_start() -> None:
    """RFC 3579 section 2.1: an EAP-Message without octets."""
    served = Served(EAP([EAPMD5()]))
    client = served.client()
    asked = await client.exchange(request_of(b""))
    assert isinstance(asked, AccessChallenge)
    assert asked[EAPMessage][:1] + asked[EAPMessage][2:] == b"\1\0\5\1"
    assert isinstance(reply := await step(client, Peer(), asked), AccessChallenge)
    assert isinstance(await step(client, Peer(), reply), AccessAccept)


async def test_a_long_request_is_split_and_joined() -> None:
    """EAP-Message of 253 octets at most (RFC 3579 section 3.1), in both directions."""
    served = Served(EAP([EAPGTC(prompt="p" * 900)]), {"alice": "w" * 700}.get)
    accept = await converse(served.client(), Peer(password="w" * 700))
    assert isinstance(accept, AccessAccept)


@pytest.mark.parametrize(("framed", "size"), [(None, 1015), (1400, 1015), (500, 491), (64, 64), (20, 64)])
async def test_framed_mtu_bounds_fragments(framed: int | None, size: int) -> None:
    """RFC 3579 section 2.4."""
    scripted = Scripted([Send(b"")])
    more = () if framed is None else (FramedMTU(framed),)
    await step(Served(EAP([scripted])).client(), Peer(), None, *more)
    assert scripted.begun[0].fragment_size == size


async def test_a_hint_how_long_to_wait() -> None:
    client = Served(EAP([EAPGTC()], response_seconds=45)).client()
    assert (await step(client, Peer()))[SessionTimeout] == 45
    assert SessionTimeout not in await step(Served(EAP([EAPGTC()])).client(), Peer())


async def test_what_is_no_answer_gets_the_last_request_again() -> None:
    """RFC 3579 section 2.2."""
    client = Served(EAP([EAPGTC()])).client()
    first = await step(client, Peer())
    for eap in (b"", b"\2", b"\2\0\0\5\6", b"\2\1\0\6\4x"):
        again = await client.exchange(request_of(eap, first[State]))
        assert isinstance(again, AccessChallenge)
        assert (again[EAPMessage], again[State]) == (first[EAPMessage], first[State])
        assert again[ErrorCause] == ErrorCause.INVALID_EAP_PACKET
    assert ErrorCause not in first
    assert isinstance(await step(client, Peer(), first), AccessAccept)


async def test_a_new_request_with_the_same_response_gets_the_same() -> None:
    """A NAS that gave an Identifier up sends the peer's response in a new Access-Request."""
    served = Served(EAP([EAPMSCHAPv2()]))
    client, peer = served.client(), Peer()
    first = await step(client, peer)
    second, again = [await step(client, peer, first) for _ in range(2)]
    assert (again[EAPMessage], again[State]) == (second[EAPMessage], second[State])
    assert ErrorCause not in again
    last, repeated = [await step(client, peer, second) for _ in range(2)]
    assert isinstance(last, AccessAccept) and isinstance(repeated, AccessAccept)
    assert last[MSMPPERecvKey] == repeated[MSMPPERecvKey]
    assert isinstance(await client.exchange(request_of(b"\2\2\0\6\x1a\4", second[State])), AccessReject)


async def test_garbage_begins_nothing() -> None:
    served = Served(EAP(EVERY))
    with pytest.raises(NoResponse) as silence:
        await served.client().exchange(request_of(b"\2\1\0"))
    assert silence.value.reason == "eap_malformed"
    refused = await served.client().exchange(request_of(b"\2\5\0\6\4x"))
    assert isinstance(refused, AccessReject) and refused[EAPMessage] == b"\4\5\0\4"
    assert len(served.eap.conversations) == 0


@pytest.mark.parametrize("state", [b"", b"x", bytes(20), bytes(64)])
async def test_a_state_of_nobody(state: bytes) -> None:
    refused = await Served(EAP(EVERY)).client().exchange(request_of(Peer().start(7), state))
    assert isinstance(refused, AccessReject) and refused[EAPMessage] == b"\4\7\0\4"


async def test_a_state_is_good_for_its_own_peer_alone() -> None:
    nas = {"127.0.0.1": "the first secret of all", "127.0.0.2": "the second secret of all", "::/0": "of all others"}
    served = Served(EAP([EAPGTC()]), peers=nas)
    first = await step(served.client(), Peer())
    for address in ("127.0.0.2", "::1"):
        assert isinstance(await step(served.client(address), Peer(), first), AccessReject)
    assert isinstance(await step(served.client(), Peer(), first), AccessAccept)
    one = await step(served.client("::1"), Peer())
    assert isinstance(await step(served.client("::2"), Peer(), one), AccessReject)


async def test_a_state_is_good_for_its_own_peer_behind_one_address() -> None:
    """As where two NASes speak TLS through one NAT."""
    served = Served(EAP([EAPGTC()]))

    def client(name: str) -> AppClient:
        nas = AppClient(served.app, profile=RADIUS_1_1)
        nas.source = attrs.evolve(nas.source, peer=NAS(name=name))
        return nas

    first = await step(client("hall"), Peer())
    assert isinstance(await step(client("attic"), Peer(), first), AccessReject)
    # A new connection of the same peer may go on.
    assert isinstance(await step(client("hall"), Peer(), first), AccessAccept)


async def test_a_stale_state(mock_clock: MockClock) -> None:
    served = Served(EAP([EAPGTC()], idle_seconds=10))
    client = served.client()
    first = await step(client, Peer())
    mock_clock.jump(10)
    assert isinstance(await step(client, Peer(), first), AccessReject)
    second = await step(client, Peer())
    assert isinstance(await step(client, Peer(), second), AccessAccept)
    mock_clock.jump(REMEMBERED_SECONDS)
    assert isinstance(await step(client, Peer(), second), AccessReject)
    assert len(served.let_in) == 1


async def test_the_worker_is_in_the_state() -> None:
    """The supervisor's word holds for all that is served below."""

    async def serve() -> None:
        this_worker.set(7)
        first = await step(Served(EAP([EAPGTC()])).client(), Peer())
        assert worker_of(first[State]) == 7

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)


@pytest.mark.parametrize("require", [True, False])
async def test_user_name_must_be_the_identity(require: bool) -> None:
    """RFC 3579 section 2.1; at the beginning, and in every request."""
    served = Served(EAP([EAPGTC()], require_user_name=require))
    client, peer = served.client(), Peer()
    begun = await client.exchange(request_of(peer.start(), user="bob"))
    assert isinstance(begun, AccessChallenge if not require else AccessReject)
    first = await step(client, peer)
    last = await client.exchange(request_of(peer.answer(first[EAPMessage]), first[State], user="bob"))
    assert isinstance(last, AccessAccept if not require else AccessReject)
    assert EAPMessage in last
    if require:
        assert isinstance(await step(client, peer, first), AccessReject)
        assert not served.let_in
    else:
        assert served.let_in == [Identity("alice", "alice", "GTC")]


async def test_who_was_refused_for_his_name_stays_refused() -> None:
    """Though the method itself had come to its end, and the same response comes once more."""
    served = Served(EAP([EAPMSCHAPv2()]))
    client, peer = served.client(), Peer()
    proved = await step(client, peer, await step(client, peer))
    assert isinstance(proved, AccessChallenge)
    for user in ("bob", "alice"):
        last = await client.exchange(request_of(peer.answer(proved[EAPMessage]), proved[State], user=user))
        assert isinstance(last, AccessReject)
        assert last[EAPMessage][:2] == bytes((4, proved[EAPMessage][1]))
    assert not served.let_in and not len(served.eap.conversations)


async def test_an_empty_identity_has_another_user_name() -> None:
    served = Served(EAP([Scripted([Send(b"")])]))
    reply = await served.client().exchange(request_of(Peer("").start(), user="00-11-22-33-44-55"))
    assert isinstance(reply, AccessChallenge)


async def test_why_a_conversation_came_to_nothing(caplog: pytest.LogCaptureFixture) -> None:
    served = Served(EAP([EAPMD5()]))
    with caplog.at_level(logging.INFO, "trioradius.decision"):
        await converse(served.client(), Peer(methods=(6,)))
        asked = Ask("alice", PAP(b"wrong"))
        within = Served(EAP([Scripted([Send(b"?"), asked, Failed("wrong password")])]))
        await converse(within.client(), Any55("anonymous"))
    first, second = [record.getMessage().partition(": Access-Reject ")[2] for record in caplog.records]
    assert first == "'alice': EAP of 'alice', MD5: no method in common; the types that the peer asks for: 6"
    assert second == "'anonymous': EAP of 'anonymous' as 'alice', Scripted: wrong password"


async def test_the_handler_may_still_reject() -> None:
    app: App[None] = App({"127.0.0.1": b"twenty-four octets, say."}, reject_delay=0)
    eap = EAP([EAPMSCHAPv2()])

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessReply:
        identity = await eap.authenticate(request, PASSWORDS.get)
        return request.reject(ReplyMessage(f"not you, {identity.user}"))

    reject = await converse(AppClient(app), Peer())
    assert isinstance(reject, AccessReject)
    assert reject[EAPMessage][0] == 4 and MSMPPERecvKey not in reject
    assert reject[ReplyMessage] == "not you, alice"


async def test_a_handler_that_fails_after_the_last_step_can_be_asked_again() -> None:
    """The NAS repeats its request, and the peer has no more to say than it has said."""
    app: App[None] = App({"127.0.0.1": b"twenty-four octets, say."})
    eap, down = EAP([EAPMSCHAPv2()]), [True]

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessReply:
        await eap.authenticate(request, PASSWORDS.get)
        if down.pop():
            raise OSError("the database is down")
        return request.accept()

    client, peer = AppClient(app), Peer()
    second = await step(client, peer, await step(client, peer))
    with pytest.raises(NoResponse):
        await step(client, peer, second)
    down.append(False)
    assert isinstance(await step(client, peer, second), AccessAccept)


async def test_a_password_source_that_fails_is_asked_again() -> None:
    asked = []

    async def password_of(user: str) -> str:
        asked.append(user)
        await trio.lowlevel.checkpoint()
        if len(asked) == 1:
            raise OSError("the database is down")
        return "wonderland"

    client = Served(EAP([EAPGTC()]), password_of).client()
    first = await step(client, Peer())
    with pytest.raises(NoResponse):
        await step(client, Peer(), first)
    assert isinstance(await step(client, Peer(), first), AccessAccept)
    assert asked == ["alice", "alice"]


async def test_two_packets_of_a_conversation_at_once(autojump_clock: MockClock) -> None:
    """The second waits for the first, and gets what that got; a wrong one in between changes nothing."""
    asked = []

    async def password_of(user: str) -> str:
        asked.append(user)
        await trio.sleep(1)
        return "wonderland"

    served = Served(EAP([EAPMSCHAPv2()]), password_of)
    client, peer = served.client(), Peer()
    first = await step(client, peer)
    replies: list[AccessReply] = []

    async def ask(who: Peer) -> None:
        replies.append(await step(client, who, first))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, peer)
        await wait_all_tasks_blocked()
        nursery.start_soon(ask, peer)
        nursery.start_soon(ask, Peer(password="wonderlamp"))
    assert asked == ["alice"]
    assert len({reply[EAPMessage] for reply in replies}) == 1
    assert sorted(ErrorCause in reply for reply in replies) == [False, False, True]
    assert isinstance(await step(client, peer, replies[0]), AccessAccept)


async def test_a_handler_that_is_cancelled_lets_go(autojump_clock: MockClock) -> None:
    slow = [True]

    async def password_of(user: str) -> str:
        if slow:
            await trio.sleep_forever()
        return "wonderland"

    served = Served(EAP([EAPGTC()]), password_of)
    client = served.client()
    first = await step(client, Peer())
    with pytest.raises(NoResponse):
        await step(client, Peer(), first)
    slow.clear()
    assert isinstance(await step(client, Peer(), first), AccessAccept)


async def test_one_that_is_given_up_while_its_password_is_looked_up(autojump_clock: MockClock) -> None:
    async def password_of(user: str) -> str:
        await trio.sleep(1)
        return "wonderland"

    served = Served(EAP([EAPGTC()], conversations_maximum=1), password_of)
    client = served.client()
    first = await step(client, Peer())
    replies: list[AccessReply] = []

    async def ask() -> None:
        replies.append(await step(client, Peer(), first))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        await step(client, Peer())
    assert [type(reply) for reply in replies] == [AccessReject]
    assert (len(served.eap.conversations), served.eap.conversations.given_up) == (1, 1)
    served.eap.close()
    assert len(served.eap.conversations) == 0


async def test_middleware_sees_what_the_conversation_decides() -> None:
    served = Served(EAP([EAPGTC()]))
    seen = []

    @served.app.middleware
    async def look(request: Any, call_next: Any) -> Any:
        reply = await call_next(request)
        seen.append(type(reply))
        return reply

    await converse(served.client(), Peer())
    await converse(served.client(), Peer(password="x"))
    assert seen == [AccessChallenge, AccessAccept, AccessChallenge, AccessReject]


@pytest.mark.parametrize("watched", [True, False])
async def test_within_a_nursery_of_the_handler(watched: bool) -> None:
    app: App[None] = App({"127.0.0.1": b"twenty-four octets, say."}, reject_delay=0)
    eap = EAP([EAPGTC()])

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessReply:
        async with trio.open_nursery():
            await eap.authenticate(request, PASSWORDS.get)
        return request.accept()

    if watched:

        @app.middleware
        async def look(request: Any, call_next: Any) -> Any:
            return await call_next(request)

    assert isinstance(await converse(AppClient(app), Peer()), AccessAccept)


def ms_chap_v1(password: str) -> tuple[AVP, ...]:
    """RFC 2548 section 2.1: Ident, Flags, nothing for LAN Manager, the NT-Response."""
    response = ms_chap.challenge_response(b"8 octets", ms_chap.nt_hash(password))
    return MSCHAPChallenge(b"8 octets"), MSCHAPResponse(b"\7\1" + bytes(24) + response)


def ms_chap_v2(password: str) -> tuple[AVP, ...]:
    """RFC 2548 section 2.3: Ident, Flags, Peer-Challenge, Reserved, Response."""
    response = ms_chap.nt_response(b"c" * 16, b"p" * 16, b"alice", ms_chap.nt_hash(password))
    return MSCHAPChallenge(b"c" * 16), MSCHAP2Response(b"\7\0" + b"p" * 16 + bytes(8) + response)


PLAIN: dict[str, Any] = {
    "PAP": lambda password: (UserPassword(password),),
    "CHAP": chap,
    "MS-CHAP": ms_chap_v1,
    "MS-CHAPv2": ms_chap_v2,
}


@pytest.mark.parametrize("method", PLAIN)
async def test_a_plain_password(method: str, caplog: pytest.LogCaptureFixture) -> None:
    served = Served(EAP())
    with caplog.at_level(logging.INFO, "trioradius.authentication"):
        right = await served.client().exchange(AccessRequest(UserName("alice"), *PLAIN[method]("wonderland")))
    wrong = await served.client().exchange(AccessRequest(UserName("alice"), *PLAIN[method]("wonderlamp")))
    unknown = await served.client().exchange(AccessRequest(UserName("mallory"), *PLAIN[method]("wonderland")))
    assert [type(reply) for reply in (right, wrong, unknown)] == [AccessAccept, AccessReject, AccessReject]
    assert served.let_in == [Identity("alice", "alice", method)]
    lines = [record.getMessage() for record in caplog.records if record.name == "trioradius.authentication"]
    assert lines == [f"127.0.0.1:1812: 'alice' by {method}"]
    assert [avp.name for avp in wrong.avps] == [avp.name for avp in unknown.avps]
    assert (MSCHAP2Success in right) == (method == "MS-CHAPv2")
    assert (MSCHAPError in wrong) == method.startswith("MS-CHAP")


async def test_a_request_that_proves_nothing() -> None:
    served = Served(EAP())
    for request in (AccessRequest(UserName("alice")), AccessRequest(UserPassword("wonderland"))):
        assert isinstance(await served.client().exchange(request), AccessReject)
    assert not served.let_in


@pytest.mark.parametrize(("plain", "taken"), [(False, set()), ("PAP", {"PAP"}), (["CHAP"], {"CHAP"}), (True, {*PLAIN})])
async def test_which_plain_passwords_are_taken(plain: Any, taken: set[str]) -> None:
    client = Served(EAP(plain=plain)).client()
    replies = {
        method: await client.exchange(AccessRequest(UserName("alice"), *PLAIN[method]("wonderland")))
        for method in PLAIN
    }
    assert {method for method, reply in replies.items() if isinstance(reply, AccessAccept)} == taken


async def test_a_method_that_a_credential_cannot_serve(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "trioradius.decision"):
        reply = await converse(Served(EAP([EAPMSCHAPv2()]), {"alice": SSHA}.get).client(), Peer())
    assert isinstance(reply, AccessReject)
    assert "MSCHAPv2: MS-CHAPv2 needs the cleartext password or its NT hash" in caplog.text


@pytest.mark.parametrize("known", [b"wonderland", "wonderland", SSHA])
async def test_what_a_password_source_may_give(known: Known) -> None:
    async def password_of(user: str) -> Known:
        await trio.lowlevel.checkpoint()
        return known

    assert isinstance(await converse(Served(EAP([EAPGTC()]), password_of).client(), Peer()), AccessAccept)
    given = Served(EAP([EAPGTC()], passwords=Passwords()), lambda user: known)
    assert isinstance(await converse(given.client(), Peer()), AccessAccept)


async def test_without_a_password_source_nobody_has_a_password() -> None:
    app: App[None] = App({"127.0.0.1": b"twenty-four octets, say."}, reject_delay=0)
    eap = EAP([EAPGTC()])

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessReply:
        await eap.authenticate(request)
        return request.accept()

    assert isinstance(await converse(AppClient(app), Peer(password="x")), AccessReject)


class Renewable(EAPGTC):
    """A method made of files."""

    reloaded = 0

    def reload(self) -> None:
        type(self).reloaded += 1


def test_reload() -> None:
    EAP([EAPMD5(), Renewable()]).reload()
    assert Renewable.reloaded == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"methods": [EAPMD5(), EAPMD5(server_name="other")]},
        {"plain": ["PAP", "pap"]},
        {"fragment_size": 63},
        {"fragment_size": 4000},
        {"conversations_maximum": 0},
        {"conversations_per_peer": 0},
        {"idle_seconds": 0},
        {"rounds": 0},
    ],
)
def test_settings_that_cannot_work(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        EAP(**settings)
