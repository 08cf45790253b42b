"""TEAP version 1: a TLS tunnel, and in it the user, the machine, or one after the other (RFC 9930).

Every inner method is bound to the tunnel before anything else happens, and the last word, which is protected as well,
is spoken by both ends.
"""

from __future__ import annotations

import enum
import secrets
from collections.abc import Collection, Sequence
from typing import ClassVar, Final, Literal, TypeAlias, get_args

import attrs

from trioradius.eap.fragments import START, VERSION
from trioradius.eap.method import Ask, Circumstances, Done, Failed, MethodSettings, Outcome, Send, Step, reload
from trioradius.eap.mschapv2 import EAPMSCHAPv2
from trioradius.eap.packet import EAPPacket
from trioradius.eap.tls_based import binding, keys, tlvs
from trioradius.eap.tls_based.binding import NONCE, SEED, SEED_LABEL, CompoundKeys, Fault
from trioradius.eap.tls_based.certificate import EAPTLS
from trioradius.eap.tls_based.channel import Arrived
from trioradius.eap.tls_based.inner import Inner, InnerStep
from trioradius.eap.tls_based.tlvs import FAILURE, OUTER_TLVS, SUCCESS, TLV, Message, Password
from trioradius.eap.tls_based.tunnel import TunnelSettings
from trioradius.errors import ConfigurationError, DecodeError
from trioradius.protocol.credentials import Verdict
from trioradius.protocol.proofs import PAP
from trioradius.tls.purpose import ClientCertificate
from trioradius.tls.settings import TLSSettings

IdentityType: TypeAlias = Literal["user", "machine"]
BASIC_PASSWORD: Final = "Basic-Password"
"""The name of the inner method without EAP."""
_NUMBERS: Final[dict[IdentityType, int]] = {"user": 1, "machine": 2}
"""Identity-Type (RFC 9930 section 4.2.3)."""


class TEAP:
    """TEAP, type 55: the server proves itself by a certificate; user and machine in the tunnel, one or both.

    Args:
        settings: our certificate and key; authorities only where clients show certificates, too. TLS 1.2 is spoken.
        methods: the EAP methods of the tunnel, best first: EAPMSCHAPv2, which is the default, and EAPTLS, whose own
            settings must have ``resumption=False``. Others have no keys that could be bound to the tunnel.
        identities: what has to be proved, in this order: "user", "machine" or both.
        basic_password: which of them by a name and a password in clear within the tunnel, without EAP. There is no key
            in that, so that a server certificate which the peer does not check well lets others read it.
        prompt: what the user is shown then.
        authority: the name of this service, the same on all its servers: a hint for peers that know several.
        client_certificate: "none", "optional" or "required" of the machine, beside what is proved in the tunnel.
        resumption: let a TLS session that is resumed stand for the user who was proved in it, for an hour at most.

    Raises:
        ConfigurationError: a file or a setting cannot work.
    """

    type: ClassVar[int] = keys.TEAP
    name: ClassVar[str] = "TEAP"

    def __init__(
        self,
        settings: TLSSettings,
        *methods: MethodSettings,
        identities: Sequence[IdentityType] = ("user",),
        basic_password: Collection[IdentityType] = (),
        prompt: str = "Password: ",
        authority: str = "trioradius",
        client_certificate: ClientCertificate = "none",
        resumption: bool = False,
    ) -> None:
        if settings.lowest == "1.3":
            raise ConfigurationError(
                "TEAP is spoken with TLS 1.2, and the settings have minimum_version 1.3 or RADIUS/1.1"
            )
        tunnel = TunnelSettings(
            self.type, self.name, attrs.evolve(settings, maximum_version="1.2"), client_certificate, resumption
        )
        hint = TLV(tlvs.AUTHORITY_ID, authority.encode(), mandatory=False).encode()
        self._offer = Offer(
            tunnel, _bindable(methods), _asked(identities), _asked(basic_password), prompt.encode(), hint
        )
        if not identities or not set(basic_password) <= set(identities):
            raise ConfigurationError("identities must not be empty, and must have all that is in basic_password")

    def __repr__(self) -> str:
        return f"TEAP({self._offer.tunnel.settings!r}, identities={self._offer.identities!r})"

    def reload(self) -> None:
        """Read the files anew; conversations under way go on as they began. Raises ConfigurationError."""
        self._offer.tunnel.reload()
        reload(self._offer.methods)

    def start(self, circumstances: Circumstances) -> TEAPRun:
        """A new run of it."""
        return TEAPRun(self._offer, circumstances)


def _bindable(methods: Sequence[MethodSettings]) -> Sequence[MethodSettings]:
    """RFC 9930 section 3.6.4: no inner method without crypto-binding, none that is a tunnel, no inner resumption."""
    for method in methods:
        if method.type not in (EAPMSCHAPv2.type, EAPTLS.type):
            raise ConfigurationError(f"{method.name} cannot be bound to a TEAP tunnel: EAPMSCHAPv2 and EAPTLS can")
        if isinstance(method, EAPTLS) and method.resumes:
            raise ConfigurationError(
                "EAPTLS within TEAP must not resume sessions: give it TLSSettings(resumption=False)"
            )
    return methods or (EAPMSCHAPv2(),)


def _asked(identities: Collection[IdentityType]) -> tuple[IdentityType, ...]:
    found = tuple(identities)
    if len(set(found)) != len(found) or not set(found) <= set(get_args(IdentityType)):
        raise ConfigurationError(f'("user",), ("machine",) or ("machine", "user") are identities, not {identities!r}')
    return found


@attrs.frozen
class Offer:
    """What the runs of one TEAP share; ``hint`` are our outer TLVs."""

    tunnel: TunnelSettings
    methods: Sequence[MethodSettings]
    identities: tuple[IdentityType, ...]
    by_password: tuple[IdentityType, ...]
    prompt: bytes
    hint: bytes


class _Stage(enum.Enum):
    """What the peer's next message is about."""

    HANDSHAKE = enum.auto()
    PROOF = enum.auto()
    BINDING = enum.auto()


class TEAPRun:
    """One run: the handshake; for each identity its proof, and the crypto-binding of that; the result with the last."""

    def __init__(self, offer: Offer, circumstances: Circumstances) -> None:
        self._offer = offer
        self._circumstances = circumstances
        self._channel = offer.tunnel.open(circumstances, binding.VERSION)
        self._outer = offer.hint
        self._greeted = False
        self._stage = _Stage.HANDSHAKE
        self._left = list(offer.identities)
        self._current: IdentityType = self._left[0]
        self._answered = False
        self._inner: Inner | None = None
        self._inner_identifier = 0
        self._password: Password | None = None
        self._proved: dict[IdentityType, Outcome] = {}
        self._back: Outcome | None = None
        self._keys: CompoundKeys | None = None
        self._nonce = b""
        self._failure: Failed | None = None

    def begin(self, identifier: int) -> Step:
        """As Method: the flags, and our outer TLVs (RFC 9930 section 4.1)."""
        hint = self._offer.hint
        return Send(bytes((START | OUTER_TLVS | binding.VERSION,)) + len(hint).to_bytes(4, "big") + hint)

    def receive(self, response: EAPPacket, identifier: int) -> Step:
        """As Method."""
        try:
            data = self._without_outer(response.data)
        except DecodeError as error:
            return Failed(str(error))
        if data[0] & VERSION != binding.VERSION:
            return Failed("TEAP: the peer speaks another version")
        progress = self._channel.receive(data)
        if not isinstance(progress, Arrived):
            return progress
        if self._failure is not None:
            return self._failure
        try:
            return self._take(progress, Message.decode(progress.plaintext), identifier)
        except DecodeError as error:
            return self._give_up(str(error))

    def tell(self, verdict: Verdict, identifier: int) -> Step:
        """As Method."""
        if self._password is None:
            assert self._inner is not None
            return self._carry(self._inner.tell(verdict, identifier))
        if not verdict.fits:
            return self._refuse(f"{BASIC_PASSWORD}: {verdict.reason}")
        return self._bind(Outcome(BASIC_PASSWORD, self._password.user))

    def close(self) -> None:
        """As Method."""
        if self._inner is not None:
            self._inner.close()
        self._channel.close()

    def _without_outer(self, data: bytes) -> bytes:
        """RFC 9930 section 4.3.1: outer TLVs count in the first message alone, and are ignored later."""
        data, outer = tlvs.without_outer(data)
        if not self._greeted:
            self._outer += outer
        self._greeted = True
        return data

    def _take(self, progress: Arrived, message: Message, identifier: int) -> Step:
        if message.unknown:
            return self._nak(message)
        if message.is_failure:
            return Failed(f"TEAP: the peer gives up{_codes(message)}")
        if message.refused:
            return self._give_up(f"TEAP: the peer refuses TLVs of type {message.refused[0]}")
        if self._stage is _Stage.HANDSHAKE:
            return self._opened(progress, message, identifier)
        return self._weigh(message, identifier) if self._stage is _Stage.PROOF else self._agree(message, identifier)

    def _nak(self, message: Message) -> Step:
        """Refuse mandatory TLVs that are not known, and ignore the others beside them (RFC 9930 section 4.2)."""
        if message.result is not None:
            return self._give_up("TEAP: a result, and beside it a TLV that is not known")
        return self._say(*(tlvs.nak(tlv) for tlv in message.unknown))

    def _opened(self, progress: Arrived, message: Message, identifier: int) -> Step:
        """Hints are all that a peer may say before it is asked.

        A TLS 1.2 handshake ends with our Finished, unless it resumes a session: the peer acknowledges that first.
        """
        if not message.says_nothing:
            return self._give_up("TEAP: the peer speaks in the tunnel before it is asked")
        if progress.opened:
            channel = self._channel
            seed = channel.engine.export(SEED_LABEL, SEED)
            self._keys = CompoundKeys.of_tunnel(binding.digest_of(channel.done.cipher), seed)
            user = self._offer.tunnel.returning(channel, self._circumstances)
            if user is not None:
                self._back = Outcome(TEAP.name, user.identity, user.inner_method, machine=user.machine)
                self._left = []
                return self._bind(None)
            if not channel.done.resumed:
                return channel.flush()
        return self._ask(identifier)

    def _ask(self, identifier: int) -> Step:
        """Begin with the next identity."""
        self._stage, self._current, self._answered = _Stage.PROOF, self._left[0], False
        kind = tlvs.number(tlvs.IDENTITY_TYPE, _NUMBERS[self._current])
        self._password = None
        if self._current in self._offer.by_password:
            return self._say(kind, TLV(tlvs.PASSWORD_REQUEST, self._offer.prompt))
        if self._inner is not None:
            self._inner.close()
        self._inner = Inner(self._offer.methods, self._offer.tunnel.within(self._circumstances))
        return self._say(kind, self._payload(self._inner.begin(identifier)))

    def _weigh(self, message: Message, identifier: int) -> Step:
        """What the peer shows for the identity that is asked for, and for no other thing."""
        by_password = self._current in self._offer.by_password
        shown = message.password if by_password else message.eap
        if shown is None or message != Message(message.identity_type, eap=message.eap, password=message.password):
            return self._give_up("TEAP: the peer says something else than what proves it")
        if not self._is_expected(message.identity_type):
            return self._give_up("TEAP: the peer wants to prove another identity")
        self._answered = True
        if isinstance(shown, Password):
            self._password = shown
            return Ask(shown.user, PAP(shown.password))
        if shown.identifier != self._inner_identifier:
            return self._give_up("TEAP: an inner packet that answers another")
        assert self._inner is not None
        return self._carry(self._inner.receive(shown, identifier))

    def _is_expected(self, number: int | None) -> bool:
        """A peer may choose the other type, where that is not proved yet and is proved alike (section 4.2.3)."""
        if number in (None, _NUMBERS[self._current]):
            return True
        other: IdentityType = "machine" if self._current == "user" else "user"
        passwords = self._offer.by_password
        if self._answered or other not in self._left or (other in passwords) != (self._current in passwords):
            return False
        self._current = other
        return True

    def _carry(self, step: InnerStep) -> Step:
        match step:
            case EAPPacket():
                return self._say(self._payload(step))
            case Done():
                return self._bind(step.outcome)
            case Failed():
                return self._refuse(step.reason)
        return step

    def _payload(self, packet: EAPPacket) -> TLV:
        self._inner_identifier = packet.identifier
        return TLV(tlvs.EAP_PAYLOAD, packet.encode())

    def _bind(self, outcome: Outcome | None) -> Step:
        """Say that an identity is proved, and bind that to the tunnel; with the last one goes the result.

        None where a session stands for who comes back, and no inner method was run.
        """
        assert self._keys is not None
        said = []
        if outcome is None:
            self._keys = self._keys.after()
        else:
            self._left.remove(self._current)
            self._proved[self._current] = outcome
            self._keys = self._keys.after(_inner_key(outcome), outcome.emsk)
            said = [tlvs.number(tlvs.INTERMEDIATE_RESULT, SUCCESS)]
        if not self._left:
            said.append(tlvs.number(tlvs.RESULT, SUCCESS))
        nonce = secrets.token_bytes(NONCE)
        self._nonce = nonce[:-1] + bytes((nonce[-1] & 0xFE,))
        self._stage = _Stage.BINDING
        return self._say(*said, binding.bind(self._keys, self._nonce, self._outer))

    def _agree(self, message: Message, identifier: int) -> Step:
        """The peer's half of the crypto-binding, before anything else that it says (RFC 9930 section 4.3)."""
        assert self._keys is not None
        if message.binding is None:
            return self._give_up("TEAP: the peer sent no crypto-binding", tlvs.TUNNEL_COMPROMISE)
        found = binding.check(self._keys, self._nonce, self._outer, message.binding)
        if isinstance(found, Fault):
            return self._give_up(f"TEAP: {found.text}", found.code)
        if message.intermediate != (None if self._back is not None else SUCCESS):
            return self._give_up("TEAP: the peer does not take the inner method for a success")
        if message.eap is not None or message.password is not None or message.identity_type is not None:
            return self._give_up("TEAP: the peer proves more than it is asked for")
        if self._left:
            unasked = message.result is not None or message.action is not None
            return self._give_up("TEAP: a result before the end") if unasked else self._ask(identifier)
        # Nothing that a peer asks for by a Request-Action is done here: then its status counts (section 3.6.5).
        if (message.action if message.result is None else message.result) != SUCCESS:
            return self._give_up("TEAP: the peer does not confirm the result")
        return self._finish(self._keys.msk(by_emsk=found.by_emsk))

    def _finish(self, msk: bytes) -> Step:
        outcome, channel = self._back or self._who(), self._channel
        outcome = attrs.evolve(
            outcome,
            certificate=channel.done.certificate or outcome.certificate,
            tls_version=channel.done.tls_version,
            resumed=self._back is not None,
            msk=msk,
            session_id=bytes((TEAP.type,)) + channel.engine.tls_unique(),  # RFC 9930 section 3.8
        )
        return self._offer.tunnel.finish(channel, self._circumstances, outcome)

    def _who(self) -> Outcome:
        """The user, or the machine where that alone was proved."""
        machine = self._proved.get("machine")
        found = self._proved.get("user") or machine
        assert found is not None
        name = "" if machine is None else machine.identity
        return Outcome(TEAP.name, found.identity, found.method, found.certificate, machine=name)

    def _refuse(self, reason: str) -> Step:
        """An inner method has failed, and with it all of it; not why: that would tell names from passwords."""
        failed = tlvs.number(tlvs.INTERMEDIATE_RESULT, FAILURE)
        return self._give_up(reason, tlvs.INNER_METHOD_ERROR, failed)

    def _give_up(self, reason: str, code: int = tlvs.UNEXPECTED_TLVS, *before: TLV) -> Step:
        """Say so within the tunnel, and fail whatever the peer answers (RFC 9930 section 3.9.3)."""
        self._failure = Failed(reason)
        return self._say(*before, tlvs.number(tlvs.ERROR, code, 4), tlvs.number(tlvs.RESULT, FAILURE))

    def _say(self, *said: TLV) -> Send:
        return self._channel.send(tlvs.encode(said))


def _inner_key(outcome: Outcome) -> bytes:
    """The MSK as TEAP takes it: of MSCHAPv2 the halves change places, as in EAP-FAST (RFC 9930 section 3.6.3)."""
    if outcome.method == EAPMSCHAPv2.name:
        return outcome.msk[16:32] + outcome.msk[:16]
    return outcome.msk


def _codes(message: Message) -> str:
    return "".join(f", error {code}" for code in message.errors)
