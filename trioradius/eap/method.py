"""Method: one EAP method as a server runs it, without I/O (RFC 3748 section 5).

A conversation begins a method, hands it every Response of its type, and does what the Step says.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, Protocol, TypeAlias, runtime_checkable

import attrs

from trioradius.eap.packet import EAPPacket
from trioradius.protocol.credentials import Verdict
from trioradius.protocol.proofs import Proof
from trioradius.tls.identity import PeerCertificate


@attrs.frozen
class Send:
    """The next Request of the method carries these octets after its Type.

    ``identifier`` is given where the octets depend on the Identifier of their Request, which begin() and receive()
    were told; every Request takes the one announced.
    """

    data: bytes = attrs.field(repr=False)


@attrs.frozen
class Ask:
    """Somebody has to weigh this proof of this user, and call tell() with the verdict."""

    identity: str
    proof: Proof


@attrs.frozen
class Outcome:
    """Who it is, once the method has succeeded.

    ``method`` and ``inner_method`` are names as in docs ("PEAP", "MSCHAPv2"); ``identity`` is the user that was
    proved, the inner one of a tunnel, the certificate's holder for EAP-TLS. ``msk`` are the 64 octets of which
    MS-MPPE keys are made, half of them for each (32 for MSCHAPv2, as RFC 3079 has it), b"" for methods without keys;
    ``session_id`` is what EAP-Key-Name carries (RFC 5247); ``emsk`` never leaves the two ends of the method, which may
    make further keys of it (RFC 5295); b"" for methods without. ``machine`` is the machine's identity, where TEAP has
    proved it.
    """

    method: str
    identity: str
    inner_method: str = ""
    certificate: PeerCertificate | None = None
    tls_version: str = ""
    resumed: bool = False
    msk: bytes = attrs.field(default=b"", repr=False)
    session_id: bytes = attrs.field(default=b"", repr=False)
    emsk: bytes = attrs.field(default=b"", repr=False)
    machine: str = ""


@attrs.frozen
class Done:
    """The method has succeeded; the conversation says EAP-Success."""

    outcome: Outcome


@attrs.frozen
class Failed:
    """It has failed, for this reason (for the log); the conversation says EAP-Failure."""

    reason: str


Step: TypeAlias = Send | Ask | Done | Failed


@attrs.frozen
class Circumstances:
    """What a method may know when it begins.

    ``outer_identity`` is what the peer said in its EAP-Response/Identity; ``fragment_size`` the most octets of
    Type-Data that one Request may carry (from Framed-MTU, RFC 3579 section 2.4); ``now`` is the time of day, for what
    certificates and sessions are worth.
    """

    outer_identity: str
    fragment_size: int = 1_015
    now: datetime = attrs.field(kw_only=True)


class Method(Protocol):
    """One run of a method; made anew for every conversation by a MethodSettings."""

    def begin(self, identifier: int) -> Step:
        """The first step; the Request made of it will have this Identifier."""
        ...

    def receive(self, response: EAPPacket, identifier: int) -> Step:
        """The step after a Response of this type; ``identifier`` is that of the Request that a Send would become."""
        ...

    def tell(self, verdict: Verdict, identifier: int) -> Step:
        """The step after what Ask asked for."""
        ...

    def close(self) -> None:
        """Forget what it holds; called once, however the conversation ended."""


class MethodSettings(Protocol):
    """A method that a server offers: what a user writes in ``EAP(methods=[...])``."""

    type: ClassVar[int]
    name: ClassVar[str]

    def start(self, circumstances: Circumstances) -> Method:
        """A new run of it."""
        ...


@runtime_checkable
class Reloadable(Protocol):
    """MethodSettings made of files, such as certificates."""

    def reload(self) -> None:
        """Read the files anew; conversations under way go on as they began. Raises ConfigurationError."""
        ...


def reload(methods: Iterable[MethodSettings]) -> None:
    """Have those that are made of files read them anew. Raises ConfigurationError."""
    for method in methods:
        if isinstance(method, Reloadable):
            method.reload()
