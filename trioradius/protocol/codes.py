"""The packet codes of RADIUS (IANA "RADIUS Packet Type Codes") and what each owes in proof."""

from __future__ import annotations

from typing import Final

ACCESS_REQUEST: Final = 1
ACCESS_ACCEPT: Final = 2
ACCESS_REJECT: Final = 3
ACCOUNTING_REQUEST: Final = 4
ACCOUNTING_RESPONSE: Final = 5
ACCESS_CHALLENGE: Final = 11
STATUS_SERVER: Final = 12
STATUS_CLIENT: Final = 13
DISCONNECT_REQUEST: Final = 40
DISCONNECT_ACK: Final = 41
DISCONNECT_NAK: Final = 42
COA_REQUEST: Final = 43
COA_ACK: Final = 44
COA_NAK: Final = 45
PROTOCOL_ERROR: Final = 52

RANDOM_AUTHENTICATOR: Final = frozenset({ACCESS_REQUEST, STATUS_SERVER, STATUS_CLIENT})
"""Requests whose authenticator is 16 random octets (RFC 2865 section 3, RFC 5997 section 3)."""

DIGEST_AUTHENTICATOR: Final = frozenset({ACCOUNTING_REQUEST, DISCONNECT_REQUEST, COA_REQUEST})
"""Requests whose authenticator is a digest under the secret (RFC 2866 section 3, RFC 5176 section 2.3)."""

PROVEN_REPLIES: Final = frozenset({ACCESS_ACCEPT, ACCESS_REJECT, ACCESS_CHALLENGE, PROTOCOL_ERROR})
"""Replies that always start with Message-Authenticator (draft-ietf-radext-deprecating-radius, BlastRADIUS)."""
