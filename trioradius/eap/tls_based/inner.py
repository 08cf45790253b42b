"""Inner: EAP within a tunnel, from the Identity to the end of one method. The tunnel carries its packets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from trioradius.eap.method import Ask, Circumstances, Done, Failed, Method, MethodSettings, Send, Step
from trioradius.eap.negotiation import Negotiation, plain
from trioradius.eap.packet import IDENTITY, NAK, REQUEST, RESPONSE, EAPPacket
from trioradius.protocol.credentials import Verdict

NAME_MAXIMUM: Final = 253
"""Octets; a longer one fits no User-Name (RFC 7542 section 2.3)."""

InnerStep: TypeAlias = EAPPacket | Ask | Done | Failed
"""A Request to send through the tunnel; or what a method says itself."""


def name_of(octets: bytes) -> str | None:
    """Who somebody says to be within a tunnel: printable text, so that it means the same to every store; else None."""
    try:
        name = octets.decode()
    except UnicodeDecodeError:
        return None
    return name if len(octets) <= NAME_MAXIMUM and name.isprintable() else None


class Inner:
    """One conversation within a tunnel. TLS brings everything once and in order, so that nothing is ever repeated.

    Args:
        methods: what is offered within the tunnel, best first.
        circumstances: of the tunnel; the identity of the inner method is the one that is said within.
    """

    def __init__(self, methods: Sequence[MethodSettings], circumstances: Circumstances) -> None:
        self._negotiation = Negotiation(methods)
        self._circumstances = circumstances
        self._method: Method | None = None
        self._settings: MethodSettings | None = None
        self._settled = False

    def begin(self, identifier: int) -> EAPPacket:
        """The Request for the identity."""
        return EAPPacket(REQUEST, identifier, IDENTITY)

    def receive(self, response: EAPPacket, identifier: int) -> InnerStep:
        """What follows from a Response; ``identifier`` is that of the Request that would."""
        response = plain(response)
        if response.code != RESPONSE:
            return Failed(f"inner EAP: a packet of code {response.code} from the peer")
        if self._method is None:
            return self._identified(response, identifier)
        assert self._settings is not None
        if response.type == NAK and not self._settled:
            return self._propose(self._negotiation.among(response.data), identifier)
        if response.type != self._settings.type:
            return Failed(f"inner EAP: type {response.type} came as an answer to type {self._settings.type}")
        self._settled = True
        return self._do(self._method.receive(response, identifier), identifier)

    def tell(self, verdict: Verdict, identifier: int) -> InnerStep:
        """What follows from the verdict on what Ask asked for."""
        assert self._method is not None
        return self._do(self._method.tell(verdict, identifier), identifier)

    def close(self) -> None:
        """Forget what the method holds."""
        if self._method is not None:
            self._method.close()
            self._method = None

    def _identified(self, response: EAPPacket, identifier: int) -> InnerStep:
        if response.type != IDENTITY:
            return Failed(f"inner EAP: type {response.type} came instead of the identity")
        name = name_of(response.data)
        if name is None:
            return Failed(f"inner EAP: the identity is no printable text of at most {NAME_MAXIMUM} octets")
        circumstances = self._circumstances
        self._circumstances = Circumstances(name, circumstances.fragment_size, now=circumstances.now)
        return self._propose(self._negotiation.first(), identifier)

    def _propose(self, settings: MethodSettings | None, identifier: int) -> InnerStep:
        self.close()
        if settings is None:
            return Failed("inner EAP: no method in common")
        self._settings = settings
        self._method = settings.start(self._circumstances)
        return self._do(self._method.begin(identifier), identifier)

    def _do(self, step: Step, identifier: int) -> InnerStep:
        if not isinstance(step, Send):
            return step
        assert self._settings is not None
        return EAPPacket(REQUEST, identifier, self._settings.type, step.data)
