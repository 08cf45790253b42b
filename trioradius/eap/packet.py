"""EAP packets (RFC 3748 section 4): octets to values and back."""

from __future__ import annotations

from typing import Final

import attrs

from trioradius.errors import DecodeError

REQUEST: Final = 1
RESPONSE: Final = 2
SUCCESS: Final = 3
FAILURE: Final = 4

IDENTITY: Final = 1
NOTIFICATION: Final = 2
NAK: Final = 3
EXPANDED: Final = 254


@attrs.frozen
class EAPPacket:
    """One EAP packet.

    ``type`` and ``data`` are those of a Request or Response, 0 and b"" for Success and Failure; of an expanded type
    (254) ``data`` begins with the vendor's number and type (RFC 3748 section 5.7).
    """

    code: int
    identifier: int
    type: int = 0
    data: bytes = attrs.field(default=b"", repr=False)

    def encode(self) -> bytes:
        """The octets on the wire."""
        body = b"" if self.code in (SUCCESS, FAILURE) else bytes((self.type,)) + self.data
        return bytes((self.code, self.identifier)) + (4 + len(body)).to_bytes(2, "big") + body

    @classmethod
    def decode(cls, octets: bytes) -> EAPPacket:
        """The packet in these octets; what follows its Length is padding (RFC 3748 section 4).

        Raises:
            DecodeError: they are none.
        """
        length = int.from_bytes(octets[2:4], "big")
        if len(octets) < 4 or length < 4 or length > len(octets):
            raise DecodeError("EAP: the Length does not fit the octets", reason="eap_malformed")
        code, identifier = octets[0], octets[1]
        if code in (SUCCESS, FAILURE):
            return cls(code, identifier)
        if code not in (REQUEST, RESPONSE) or length < 5:
            raise DecodeError(f"EAP: code {code} with length {length}", reason="eap_malformed")
        return cls(code, identifier, octets[4], octets[5:length])
