"""RADIUS without I/O: octets to packets and back, and the proofs that go with them."""

from importlib.machinery import EXTENSION_SUFFIXES
from typing import Final

from trioradius.protocol import wire

IS_COMPILED: Final = wire.__file__.endswith(tuple(EXTENSION_SUFFIXES))
"""Whether this is the compiled package (docs/how-to/compiled.md)."""
