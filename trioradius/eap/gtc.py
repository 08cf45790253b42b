"""EAP-GTC: a text is shown, and what the user types comes back in clear (RFC 3748 section 5.6). For tunnels alone."""

from __future__ import annotations

from typing import ClassVar

import attrs

from trioradius.eap.method import Ask, Circumstances, Done, Failed, Outcome, Send, Step
from trioradius.eap.packet import EAPPacket
from trioradius.protocol.credentials import Verdict
from trioradius.protocol.proofs import PAP


@attrs.frozen
class EAPGTC:
    """Generic Token Card, type 6: the password itself, so that any credential will do, hashed ones too.

    Outside a tunnel anybody on the way reads it. ``prompt`` is what the user is shown.
    """

    type: ClassVar[int] = 6
    name: ClassVar[str] = "GTC"
    prompt: str = "Password: "

    def start(self, circumstances: Circumstances) -> GTCRun:
        """A new run of it."""
        return GTCRun(circumstances.outer_identity, self.prompt.encode())


class GTCRun:
    """One run: a prompt, what was typed, the verdict."""

    def __init__(self, identity: str, prompt: bytes) -> None:
        self._identity = identity
        self._prompt = prompt

    def begin(self, identifier: int) -> Step:
        """As Method."""
        return Send(self._prompt)

    def receive(self, response: EAPPacket, identifier: int) -> Step:
        """As Method; nothing is trimmed."""
        if not response.data:
            return Failed("GTC: an empty response")
        return Ask(self._identity, PAP(response.data))

    def tell(self, verdict: Verdict, identifier: int) -> Step:
        """As Method."""
        return Done(Outcome(EAPGTC.name, self._identity)) if verdict.fits else Failed(f"GTC: {verdict.reason}")

    def close(self) -> None:
        """As Method."""
