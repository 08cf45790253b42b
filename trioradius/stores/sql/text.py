"""Text of the wire as text that every database takes."""

from __future__ import annotations


def clean(octets: bytes | None) -> str | None:
    r"""What is no UTF-8, and NUL, which PostgreSQL refuses, as in ``\xff``; None stays None."""
    if octets is None:
        return None
    return octets.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
