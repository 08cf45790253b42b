"""Tokens: which of RADIUS/1.1 name a request that is being answered (RFC 9765 section 4.2)."""

from __future__ import annotations

from typing import Final

from trioradius.errors import SILENCE, DecodeError, Overload
from trioradius.protocol.profile import Profile
from trioradius.protocol.wire import HEADER

TOKEN: Final = slice(4, 8)


class Tokens:
    """Those of the requests of one connection that are being answered; none in RADIUS/1.0.

    There a repeat is known by the store of duplicates, and an Identifier used again too soon shows nothing.
    """

    def __init__(self, profile: Profile) -> None:
        self._exist = profile.identifiers > 256
        self.taken: dict[bytes, bytes] = {}
        """Token to what has it: the code and the attributes."""

    def take(self, octets: bytes) -> None:
        """This request is being answered."""
        if self._exist:
            self.taken[octets[TOKEN]] = octets[:1] + octets[HEADER:]

    def give_back(self, octets: bytes) -> None:
        """This request, or the one that this is the reply to, is done with."""
        self.taken.pop(octets[TOKEN], None)

    def require_free(self, octets: bytes) -> None:
        """Look whether a request may begin.

        Raises:
            Overload: it is being answered already.
            DecodeError: another one with its Token is, so that nobody could tell which a reply is for.
        """
        other = self.taken.get(octets[TOKEN])
        if other is None:
            return
        if other == octets[:1] + octets[HEADER:]:
            text = "a repeat of a request that is being answered"
            raise Overload(text, reason="repeat_in_flight", error_cause=SILENCE)
        text = "a Token that names a request which is being answered came with another one"
        raise DecodeError(text, reason="token_reused")
