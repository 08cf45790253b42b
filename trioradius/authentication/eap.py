"""EAP: what a handler awaits to know who a request is from, whatever way it proves that.

    identity = await eap.authenticate(request, password_of)

An Access-Request with EAP-Message is one step of a conversation (RFC 3748, RFC 3579): what the peer is asked next
leaves as an Access-Challenge without the handler's help, and only the last step comes back to it. One without
EAP-Message proves itself at once, by PAP, CHAP, MS-CHAP or MS-CHAPv2.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

import attrs
import trio

from trioradius.attributes.attribute import AVP
from trioradius.attributes.ietf import EAPKeyName, EAPMessage, ErrorCause, FramedMTU, SessionTimeout, State, UserName
from trioradius.attributes.microsoft import MSMPPERecvKey, MSMPPESendKey
from trioradius.authentication.conversations import Conversations, Held
from trioradius.authentication.passwords import Known, Passwords
from trioradius.eap.conversation import IDENTITY_MAXIMUM, ROUNDS, Accepted, Action, Challenge, Conversation, Refused
from trioradius.eap.method import Ask, MethodSettings, reload
from trioradius.eap.packet import FAILURE, EAPPacket
from trioradius.errors import ConfigurationError, Replied
from trioradius.protocol.credentials import Verdict
from trioradius.protocol.packets import AccessRequest
from trioradius.protocol.passwords import proof_of, settle
from trioradius.protocol.proofs import CHAP, MSCHAP, PAP, MSCHAPv2, Proof
from trioradius.tls.identity import PeerCertificate

PasswordOf: TypeAlias = Callable[[str], Known | Awaitable[Known]]
"""Gives what is known of a user's password: text, octets or a Credential; None for a user that nobody knows."""

PASSWORD_METHODS: Final[dict[type[Proof], str]] = {
    PAP: "PAP",
    CHAP: "CHAP",
    MSCHAP: "MS-CHAP",
    MSCHAPv2: "MS-CHAPv2",
}
FRAGMENT_MINIMUM: Final = 64
FRAGMENT_MAXIMUM: Final = 3_500
"""With what else is in an Access-Challenge it has to fit 4,096 octets."""
_HEADERS: Final = 9
"""Octets of a frame beside Type-Data: four of IEEE 802.1X, five of EAP (RFC 3579 section 2.4)."""

_MISNAMED: Final = "User-Name is not the EAP identity (EAP(require_user_name=...))"

log = logging.getLogger("trioradius.authentication")


@attrs.frozen
class Identity:
    """Who it is, and how that was proved.

    Args:
        user: the one who was proved: the inner identity of a tunnel, a certificate's holder, else User-Name.
        outer: what the peer called itself in the clear (EAP-Response/Identity), or User-Name. It proves nothing, and
            differs from ``user`` where a tunnel hides that.
        method: "PEAP", "EAP-TLS", "MSCHAPv2"... of EAP; "PAP", "CHAP", "MS-CHAP" or "MS-CHAPv2" without.
        inner_method: what was spoken within a tunnel, else "".
        certificate: the peer's, for methods that prove one.
        tls_version: of the tunnel, "TLSv1.3"; "" for methods without TLS.
        resumed: a TLS session went on that was proved earlier.
        machine: the machine's identity, where TEAP has proved that, alone or before the user's; else "".
    """

    user: str
    outer: str
    method: str
    inner_method: str = ""
    certificate: PeerCertificate | None = None
    tls_version: str = ""
    resumed: bool = False
    machine: str = ""


def nobody(user: str) -> None:
    """The password of a user where there are none, as for certificates alone."""


class EAP:
    """Ways to prove an identity, and the conversations under way.

    Args:
        methods: EAP methods, the best first: each is proposed in this order, and a peer that refuses one gets the first
            of those that it asks for. Empty for none.
        plain: whether a request without EAP may prove itself by a password; or those of "PAP", "CHAP", "MS-CHAP" and
            "MS-CHAPv2" by which it may.
        passwords: what weighs proofs, where its settings are not to be the usual ones.
        conversations_maximum: conversations under way at once; past it the one that has idled longest gives way.
        conversations_per_peer: the same for one peer (a NAS or proxy).
        idle_seconds: how long a conversation waits for the peer's next response.
        rounds: Requests of one conversation.
        fragment_size: the most octets of Type-Data in one Request; less where Framed-MTU asks for it (RFC 3579 2.4).
        require_user_name: reject where User-Name is not the EAP-Response/Identity, as RFC 3579 section 2.1 wants it of
            a NAS. False for those behind a proxy that rewrites User-Name.
        response_seconds: how long the NAS should wait for the peer's response, sent as Session-Timeout in each
            Access-Challenge; None leaves it to the NAS.

    Raises:
        ConfigurationError: a setting that cannot work.
    """

    def __init__(
        self,
        methods: Sequence[MethodSettings] = (),
        *,
        plain: bool | Collection[str] = True,
        passwords: Passwords | None = None,
        conversations_maximum: int = 10_000,
        conversations_per_peer: int = 5_000,
        idle_seconds: float = 60,
        rounds: int = ROUNDS,
        fragment_size: int = 1_015,
        require_user_name: bool = True,
        response_seconds: int | None = None,
    ) -> None:
        self.methods = _distinct(methods)
        self.plain = _allowed(plain)
        if not FRAGMENT_MINIMUM <= fragment_size <= FRAGMENT_MAXIMUM:
            raise ConfigurationError(f"fragment_size is {FRAGMENT_MINIMUM} to {FRAGMENT_MAXIMUM}, not {fragment_size}")
        if min(conversations_maximum, conversations_per_peer, idle_seconds, rounds) <= 0:
            raise ConfigurationError("conversations, idle_seconds and rounds want positive numbers")
        self._passwords = passwords or Passwords()
        self._rounds = rounds
        self._fragment_size = fragment_size
        self._require_user_name = require_user_name
        self._hint = () if response_seconds is None else (SessionTimeout(response_seconds),)
        self.conversations = Conversations(
            maximum=conversations_maximum, per_peer=conversations_per_peer, idle_seconds=idle_seconds
        )

    async def authenticate(self, request: AccessRequest, password_of: PasswordOf = nobody) -> Identity:
        """Who the request is from. accept() and reject() then add what EAP and MS-CHAP owe the peer: EAP-Success, keys.

        It returns only for a request that has proved its identity; the handler may still reject that.

        Args:
            request: what the handler was given.
            password_of: a user's name to what is known of the password, or None; a plain or an async function. It is
                asked only once somebody claims to know the password. Whatever it raises goes on to the caller.

        Raises:
            Replied: the reply is decided already: the next challenge, or a rejection. The handler lets it pass.
            ConfigurationError: password_of gave a credential that nothing here can read.
            DecodeError: EAP-Message begins a conversation and is no EAP packet; the request is discarded.
        """
        message = request.octets(EAPMessage)
        if message is None:
            return await self._password(request, password_of)
        held = self._held(request, message)
        await _acquire(held.turn)
        try:
            action = await self._advance(held, message, request, password_of)
        finally:
            held.turn.release()
        if not isinstance(action, Accepted):
            raise self._decided(request, held, action)
        return _accepted(request, held.conversation, action)

    def reload(self) -> None:
        """Read the methods' certificates, keys and revocation lists anew; conversations under way go on as they began.

        Raises:
            ConfigurationError: a file cannot be used; those read before it are in use.
        """
        reload(self.methods)

    def close(self) -> None:
        """Give up all conversations and free what they hold; for a program that goes on without the app."""
        self.conversations.close()

    async def _password(self, request: AccessRequest, password_of: PasswordOf) -> Identity:
        """PAP, CHAP, MS-CHAP or MS-CHAPv2, which prove an identity in one request."""
        proof, user = proof_of(request), request.get(UserName)
        if proof is None or user is None:
            raise Replied(request.reject(reason="no EAP-Message, and no User-Name with a password"))
        method = PASSWORD_METHODS[type(proof)]
        if method not in self.plain:
            raise Replied(request.reject(reason=f"{method} is not allowed: EAP(plain=...) says what is"))
        verdict = await self._weigh(proof, user, password_of)
        if not settle(request, proof, verdict):
            raise Replied(request.reject(reason=f"{method}: {verdict.reason}"))
        log.info("%s: %r by %s", request.source, user, method)
        return Identity(user, user, method)

    def _held(self, request: AccessRequest, message: bytes) -> Held:
        """The conversation that a request goes on with, or a new one where it has no State."""
        state, peer = request.octets(State), _peer(request)
        if state is None:
            return self.conversations.begin(self._conversation(request), peer)
        held = self.conversations.find(state, peer)
        if held is None:
            raise _refused(request, message[1:2], "State of no conversation that this peer has under way here")
        return held

    def _conversation(self, request: AccessRequest) -> Conversation:
        size, framed = self._fragment_size, request.get(FramedMTU)
        if framed is not None:
            size = max(min(size, framed - _HEADERS), FRAGMENT_MINIMUM)
        return Conversation(self.methods, now=datetime.now(UTC), fragment_size=size, rounds=self._rounds)

    async def _advance(
        self, held: Held, message: bytes, request: AccessRequest, password_of: PasswordOf
    ) -> Challenge | Accepted | Refused:
        conversation, rounds = held.conversation, held.conversation.rounds
        action: Action = conversation.receive(message)
        if self._require_user_name and not _is_named(request, conversation):
            conversation.give_up(_MISNAMED)
            self.conversations.keep(held)
            return Refused(_failure(message[1:2]), _MISNAMED)
        while isinstance(action, Ask):
            action = conversation.tell(await self._weigh(action.proof, action.identity, password_of))
        if conversation.rounds != rounds or conversation.is_over:
            self.conversations.keep(held)
        return action

    async def _weigh(self, proof: Proof, user: str, password_of: PasswordOf) -> Verdict:
        found = password_of(user)
        return await self._passwords.weigh(proof, await found if inspect.isawaitable(found) else found)

    def _decided(self, request: AccessRequest, held: Held, action: Challenge | Refused) -> Replied:
        """The reply that is none of the handler's business."""
        if isinstance(action, Refused):
            return _refused(request, action.octets[1:2], _blamed(held.conversation, action.reason))
        # RFC 3579 section 2.2: what was no answer gets the last Request again, and a word for the NAS.
        ignored = (ErrorCause(ErrorCause.INVALID_EAP_PACKET),) if action.ignored else ()
        return Replied(request.challenge(EAPMessage(action.octets), State(held.state), *self._hint, *ignored))


def _accepted(request: AccessRequest, conversation: Conversation, action: Accepted) -> Identity:
    """The identity, after noting what accept() and reject() owe the peer (RFC 3579 section 2.1, RFC 2548 2.4)."""
    outcome = action.outcome
    half = len(outcome.msk) // 2
    owed: list[AVP] = [EAPMessage(action.octets)]
    if half:
        owed += [MSMPPERecvKey(outcome.msk[:half]), MSMPPESendKey(outcome.msk[half:])]
    if outcome.session_id and EAPKeyName in request:
        owed.append(EAPKeyName(outcome.session_id))
    if UserName not in request and 0 < len(outcome.identity.encode()) <= IDENTITY_MAXIMUM:
        owed.append(UserName(outcome.identity))
    request.owe(accept=owed, reject=[EAPMessage(_failure(action.octets[1:2]))])
    identity = Identity(
        outcome.identity,
        conversation.identity,
        outcome.method,
        outcome.inner_method,
        outcome.certificate,
        outcome.tls_version,
        outcome.resumed,
        outcome.machine,
    )
    if log.isEnabledFor(logging.INFO):
        log.info("%s: %s", request.source, _described(identity))
    return identity


def _blamed(conversation: Conversation, reason: str) -> str:
    """Who was refused, by which method and why, for a log."""
    identity, user, method = conversation.identity, conversation.user, conversation.method
    who = f"{identity!r} as {user!r}" if user not in ("", identity) else repr(identity)
    return f"EAP of {who}, {reason if reason.startswith(method) else f'{method}: {reason}'}"


def _described(identity: Identity) -> str:
    """One line for a log, without anything secret."""
    methods = "/".join(filter(None, (identity.method, identity.inner_method)))
    outer = f", outer identity {identity.outer!r}" if identity.outer != identity.user else ""
    tunnel = f", {identity.tls_version}" if identity.tls_version else ""
    return f"{identity.user!r} by EAP, {methods}{tunnel}{', resumed' if identity.resumed else ''}{outer}"


def _refused(request: AccessRequest, identifier: bytes, reason: str) -> Replied:
    request.owe(reject=[EAPMessage(_failure(identifier))])
    return Replied(request.reject(reason=reason))


def _failure(identifier: bytes) -> bytes:
    """An EAP-Failure with the Identifier of the Response it answers (RFC 3748 section 4.2)."""
    return EAPPacket(FAILURE, int.from_bytes(identifier, "big")).encode()


def _is_named(request: AccessRequest, conversation: Conversation) -> bool:
    """Whether User-Name repeats the EAP identity, as far as both are there (RFC 3579 section 2.1)."""
    name, identity = request.octets(UserName), conversation.identity.encode()
    return not name or not identity or name == identity


def _peer(request: AccessRequest) -> str:
    """What a State is bound to: the address that a request came from, and the entry of its peer."""
    return f"{request.source.address if request.source else ''} {request.peer.name if request.peer else ''}"


async def _acquire(turn: trio.Semaphore) -> None:
    """At once where nobody else is at it, so that a handler that need not wait does not."""
    try:
        turn.acquire_nowait()
    except trio.WouldBlock:
        await turn.acquire()


def _distinct(methods: Sequence[MethodSettings]) -> tuple[MethodSettings, ...]:
    types = [method.type for method in methods]
    for method in methods:
        if types.count(method.type) > 1:
            raise ConfigurationError(f"EAP(methods=...) has {method.name} twice; its settings can be given once")
    return tuple(methods)


def _allowed(plain: bool | Collection[str]) -> frozenset[str]:
    every = frozenset(PASSWORD_METHODS.values())
    if isinstance(plain, bool):
        return every if plain else frozenset()
    chosen = frozenset((plain,) if isinstance(plain, str) else plain)
    if not chosen <= every:
        raise ConfigurationError(f"EAP(plain=...) is True, False or some of {sorted(every)}, not {sorted(chosen)}")
    return chosen
