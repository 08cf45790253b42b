"""acctuniqueid: which records are of one session, by the recipe of FreeRADIUS (its policy ``acct_unique``).

The same recipe, so that sessions which FreeRADIUS opened go on in their rows, and two NASes that count the same
Acct-Session-Ids do not meet in one.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

_PLAIN: Final = re.compile(rb"[\x20\x21\x23-\x5b\x5d-\x7e]*")
_OWN_CLASS: Final = re.compile(rb"ai:([0-9a-fA-F]{32})")
"""Class as FreeRADIUS's policy ``insert_acct_class`` makes it; the hash in it stands for the login."""
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\r": "\\r", "\n": "\\n", "\t": "\\t"}


def unique_id(
    *, user: bytes, session: bytes, nas: str, identifier: bytes, port_id: bytes, port: str, session_class: bytes
) -> str:
    """The MD5 in 32 hexadecimal digits of the octets of User-Name, Acct-Session-Id, NAS-Identifier and NAS-Port-Id,
    the NAS's address and NAS-Port as text, each empty where absent; of Class and Acct-Session-Id, where FreeRADIUS
    made the Class.
    """
    own = _OWN_CLASS.match(session_class)
    if own:
        parts = [own[1], printed(session)]
    else:
        parts = [printed(user), printed(session), nas.encode(), printed(identifier), printed(port_id), port.encode()]
    return hashlib.md5(b",".join(parts), usedforsecurity=False).hexdigest()


def printed(octets: bytes) -> bytes:
    """Text as FreeRADIUS expands it: quotation mark and backslash escaped, octal digits for what cannot be printed."""
    if _PLAIN.fullmatch(octets):
        return octets
    text = octets.decode("utf-8", "surrogateescape")
    return "".join(map(_printed, text)).encode()


def _printed(character: str) -> str:
    escaped = _ESCAPES.get(character)
    if escaped is not None:
        return escaped
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\{number - 0xDC00:03o}"
    return character if number >= 0x20 and number != 0x7F else f"\\{number:03o}"
