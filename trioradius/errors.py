"""What can go wrong, whose fault it is, and what to do now.

Theirs (discard or close, and count under ``reason``): DecodeError, AuthenticityError, UnknownPeer.
Ours (a value or a setting does not fit): EncodeError, DictionaryError, ConfigurationError.
Of what we rely on: StoreUnavailable, StoreRefused (discard, and count).
Nobody's: NoResponse, after the whole retransmission schedule; VersionRefused, where the ends have none in common.
A handler's own decision: Discard, MissingAttribute, Replied.
"""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trioradius.protocol.packets import ProtocolError, Reply


RESOURCES_UNAVAILABLE: Final = 506
"""The Error-Cause where none fits better (RFC 9765 section 6.1)."""
SILENCE: Final = 0
"""In place of an Error-Cause: nothing is sent in any version."""


class RadiusError(Exception):
    """The family of everything this package raises on purpose.

    ``reason`` is one word for a counter or a log line (``message_authenticator_missing``); the text
    says what happened, and for a discarded packet also which option concerns it. No secret,
    password or key is ever part of either. ``error_cause`` is what RADIUS/1.1 tells the peer whose request gets no
    reply (Error-Cause, RFC 5176 section 3.5).
    """

    def __init__(self, text: str, *, reason: str = "", error_cause: int = RESOURCES_UNAVAILABLE) -> None:
        super().__init__(text)
        self.reason = reason or type(self).__name__
        self.error_cause = error_cause


class DecodeError(RadiusError):
    """Octets that are not a RADIUS packet this end can take (RFC 2865 section 3)."""


class AuthenticityError(RadiusError):
    """A packet without the proof it owes: a wrong or missing authenticator (RFC 3579 section 3.2)."""


class UnknownPeer(RadiusError):
    """A packet from an address that no peer entry covers (RFC 2865 section 3: silently discarded)."""

    def __init__(self, text: str, *, reason: str = "") -> None:
        super().__init__(text, reason=reason, error_cause=SILENCE)


class Overload(RadiusError):
    """A packet past a bound on work in flight; the peer retransmits it."""


class StoreUnavailable(RadiusError):
    """A database that is away, locked, full or overloaded; the request stays unanswered, and the peer repeats it."""

    def __init__(self, text: str, *, reason: str = "store_unavailable") -> None:
        super().__init__(text, reason=reason)


class StoreRefused(RadiusError):
    """A row or a statement that the database does not take, and will not take later either."""

    def __init__(self, text: str) -> None:
        super().__init__(text, reason="store_refused")


class EncodeError(RadiusError, ValueError):
    """A value that does not fit its attribute, or a packet that does not fit RADIUS."""


class ConfigurationError(RadiusError, ValueError):
    """A setting that cannot work; the text is one line that says what to change."""


class DictionaryError(RadiusError):
    """A dictionary file that cannot be understood, with the place where it went wrong; line 0 is the whole file."""

    def __init__(self, text: str, *, file: pathlib.Path | str, line: int) -> None:
        super().__init__(f"{file}:{line}: {text}" if line else f"{file} {text}")
        self.file = pathlib.Path(file)
        self.line = line


class NoResponse(RadiusError, TimeoutError):
    """No acceptable reply came within the retransmission schedule (RFC 5080 section 2.2.1).

    ``reply`` is the Protocol-Error where the server said that it cannot answer, else None.
    """

    def __init__(self, text: str, *, reason: str = "", reply: ProtocolError | None = None) -> None:
        super().__init__(text, reason=reason)
        self.reply = reply


class VersionRefused(RadiusError):
    """RADIUS/1.1 alone is offered, and the server does not speak it (RFC 9765 section 3.3)."""


class Discard(RadiusError):
    """Raised by a handler or middleware that gives one request no reply.

    RADIUS/1.0 stays silent; RADIUS/1.1 sends Protocol-Error with ``error_cause`` (RFC 9765 section 6.1), by default
    506: somebody else should be asked.
    """


class Replied(Exception):
    """Raised by what a handler awaits where that has decided the reply itself, as in the middle of an EAP conversation.

    A handler lets it pass; ``reply`` is sent as if the handler had returned it.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.name)
        self.reply = reply


class MissingAttribute(KeyError):
    """``request[X]`` where X is absent, or its value malformed.

    Left alone in a handler it becomes Access-Reject, or CoA-NAK and Disconnect-NAK with Error-Cause 402
    (Missing-Attribute, RFC 5176 section 3.5), or silence for accounting.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"{self.name} is not in the packet"
