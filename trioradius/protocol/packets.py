"""The packets of RADIUS as values, each request knowing the replies that may answer it (RFC 2865, 2866, 5176, 5997)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeAlias, TypeVar

from trioradius.attributes.attribute import AVP
from trioradius.attributes.ietf import ErrorCause, UserName
from trioradius.protocol import codes, passwords
from trioradius.protocol.credentials import Cleartext, NTHash
from trioradius.protocol.ms_chap import MSCHAPFailure
from trioradius.protocol.owed import Owed, missing
from trioradius.protocol.packet import Named, Packet

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from trioradius.protocol.peer import Peer
    from trioradius.protocol.profile import Profile
    from trioradius.protocol.source import Source


class Reply(Packet):
    """A packet that answers a request.

    ``reason`` is for the log and never on the wire; reject and nak take it.
    """

    __slots__ = ()

    @property
    def reason(self) -> str:
        """Why, for the log; '' where nobody said."""
        return self._reason

    def with_attributes(self, *attributes: AVP | Named) -> Reply:
        """The same reply with attributes added at its end, as a middleware adds them."""
        return self._with((*self.avps, *attributes))

    def without_attributes(self, *names: str) -> Reply:
        """The same reply without the attributes of these names."""
        unwanted = {name.lower() for name in names}
        return self._with(tuple(avp for avp in self.avps if avp.name.lower() not in unwanted))

    def _with(self, attributes: tuple[AVP | Named, ...]) -> Reply:
        changed = type(self)(*attributes, dictionary=self._dictionary)
        changed._reason = self.reason
        return changed


class AccessAccept(Reply):
    """Code 2: the user may use the service (RFC 2865 section 4.2)."""

    code = codes.ACCESS_ACCEPT
    name = "Access-Accept"
    __slots__ = ()


class AccessReject(Reply):
    """Code 3: the user may not (RFC 2865 section 4.3)."""

    code = codes.ACCESS_REJECT
    name = "Access-Reject"
    __slots__ = ()


class AccessChallenge(Reply):
    """Code 11: the user is asked for more (RFC 2865 section 4.4)."""

    code = codes.ACCESS_CHALLENGE
    name = "Access-Challenge"
    __slots__ = ()


class AccountingResponse(Reply):
    """Code 5: the record is safely kept (RFC 2866 section 4.2)."""

    code = codes.ACCOUNTING_RESPONSE
    name = "Accounting-Response"
    __slots__ = ()


class CoAACK(Reply):
    """Code 44: the session was changed (RFC 5176 section 2.2)."""

    code = codes.COA_ACK
    name = "CoA-ACK"
    __slots__ = ()


class CoANAK(Reply):
    """Code 45: it was not; Error-Cause says why (RFC 5176 section 3.5)."""

    code = codes.COA_NAK
    name = "CoA-NAK"
    __slots__ = ()


class DisconnectACK(Reply):
    """Code 41: the session was ended (RFC 5176 section 2.1)."""

    code = codes.DISCONNECT_ACK
    name = "Disconnect-ACK"
    __slots__ = ()


class DisconnectNAK(Reply):
    """Code 42: it was not; Error-Cause says why (RFC 5176 section 3.5)."""

    code = codes.DISCONNECT_NAK
    name = "Disconnect-NAK"
    __slots__ = ()


class ProtocolError(Reply):
    """Code 52: this hop cannot answer the packet (RFC 7930 section 4)."""

    code = codes.PROTOCOL_ERROR
    name = "Protocol-Error"
    __slots__ = ()


_ReplyT = TypeVar("_ReplyT", AccessAccept, AccessReject, AccessChallenge)


def _paid(reply: _ReplyT, owed: tuple[AVP, ...]) -> _ReplyT:
    """The reply with what is owed and was not given."""
    return type(reply)(*reply.avps, *missing(reply.avps, owed), dictionary=reply._dictionary)


AccessReply: TypeAlias = AccessAccept | AccessReject | AccessChallenge
CoAReply: TypeAlias = CoAACK | CoANAK
DisconnectReply: TypeAlias = DisconnectACK | DisconnectNAK
StatusReply: TypeAlias = AccessAccept | AccountingResponse


ReplyT = TypeVar("ReplyT", bound=Reply, covariant=True)


class Request(Packet, Generic[ReplyT]):
    """A packet that wants an answer; generic in the replies that may be it.

    ``peer`` names who sent it and ``source`` says from where, for a request that a server received; both are None for
    one made here.
    """

    replies: ClassVar[tuple[type[Reply], ...]]
    __slots__ = ("_peer", "_source")
    _peer: Peer | None
    _source: Source | None

    def sent_by(self, peer: Peer, source: Source) -> Self:
        """The request, knowing who sent it; the server says so, once."""
        self._peer, self._source = peer, source
        return self

    @property
    def peer(self) -> Peer | None:
        """The peer that sent it."""
        return getattr(self, "_peer", None)

    @property
    def source(self) -> Source | None:
        """Address, port and transport it came by."""
        return getattr(self, "_source", None)

    @property
    def profile(self) -> Profile | None:
        """The RADIUS version it was spoken in."""
        return self.source.profile if self.source else None

    @property
    def realm(self) -> str:
        """What stands after the last @ of User-Name, in lower case; '' where there is none (RFC 7542)."""
        name = self.get(UserName) or ""
        return name.rpartition("@")[2].lower() if "@" in name else ""


class AccessRequest(Request[AccessReply]):
    """Code 1: may this user in? (RFC 2865 section 4.1)"""

    code = codes.ACCESS_REQUEST
    name = "Access-Request"
    replies = (AccessAccept, AccessReject, AccessChallenge)
    __slots__ = ()

    def accept(self, *attributes: AVP | Named) -> AccessAccept:
        """The Access-Accept for this request, with what is owed it: MS-CHAP2-Success, keys for MPPE."""
        reply = AccessAccept(*attributes, dictionary=self._dictionary)
        return reply if self._owed is None else _paid(reply, self._owed.accept)

    def reject(
        self,
        *attributes: AVP | Named,
        reason: str = "",
        ms_chap_error: int = MSCHAPFailure.AUTHENTICATION_FAILURE,
    ) -> AccessReject:
        """The Access-Reject for this request, with what is owed it; ``reason`` goes to the log only.

        A request that used MS-CHAP gets MS-CHAP-Error with ``ms_chap_error``, one of MSCHAPFailure.
        """
        owed = self._owed
        reply = AccessReject(*attributes, dictionary=self._dictionary)
        debt = passwords.failure(self, ms_chap_error) + (owed.reject if owed else ())
        if debt:
            reply = _paid(reply, debt)
        reply._reason = reason or (owed.reason if owed else "")
        return reply

    def challenge(self, *attributes: AVP | Named) -> AccessChallenge:
        """The Access-Challenge for this request; State among the attributes ties the next request to it."""
        reply = AccessChallenge(*attributes, dictionary=self._dictionary)
        return reply if self._owed is None else _paid(reply, self._owed.challenge)

    def owe(
        self,
        *,
        accept: Iterable[AVP] = (),
        reject: Iterable[AVP] = (),
        challenge: Iterable[AVP] = (),
        reason: str = "",
    ) -> None:
        """Remember attributes that accept(), reject() or challenge() will add, each where its caller gives none.

        Owing an attribute again replaces it. ``reason`` is what reject() logs where it is given none.
        """
        if self._owed is None:
            self._owed = Owed()
        self._owed.add(accept, reject, challenge, reason)

    def verify_password(self, known: str | bytes | Cleartext | NTHash | None) -> bool:
        """Whether the request proves that it knows this password, by PAP, CHAP, MS-CHAP or MS-CHAPv2.

        In constant time; None, where nobody has this name, costs the same work and is False. After MS-CHAP, accept()
        adds the server's proof and the keys. CHAP without CHAP-Challenge uses the Request Authenticator (RFC 2865
        section 5.3), and proves nothing where RADIUS/1.1 has none. Neither does a request without a password: False.

        Raises:
            ConfigurationError: for Hashed, which takes time: trioradius.authentication.Passwords awaits it.
        """
        return passwords.verify(self, known)

    def changed_password(self, known: str | Cleartext | NTHash | None) -> Cleartext | None:
        """The new password of a user who proves that he knows this old one, by MS-CHAP (RFC 2548, RFC 2759 section 7).

        None where the request asks for no change, or the old password is another. A client asks for it after
        ``reject(ms_chap_error=MSCHAPFailure.PASSWORD_EXPIRED)``. Once the new password is stored, accept() answers
        with the proof and the keys that follow from it; refuse it by ``MSCHAPFailure.CHANGING_PASSWORD``.
        """
        return passwords.changed(self, Cleartext(known) if isinstance(known, str) else known)


class AccountingRequest(Request[AccountingResponse]):
    """Code 4: a record to keep (RFC 2866 section 4.1)."""

    code = codes.ACCOUNTING_REQUEST
    name = "Accounting-Request"
    replies = (AccountingResponse,)
    __slots__ = ()

    def respond(self, *attributes: AVP | Named) -> AccountingResponse:
        """The Accounting-Response: a promise that the record is safe (RFC 2866 section 2)."""
        return AccountingResponse(*attributes, dictionary=self._dictionary)


class CoARequest(Request[CoAReply]):
    """Code 43: change a session (RFC 5176 section 2.2)."""

    code = codes.COA_REQUEST
    name = "CoA-Request"
    replies = (CoAACK, CoANAK)
    __slots__ = ()

    def ack(self, *attributes: AVP | Named) -> CoAACK:
        """The CoA-ACK: it was done."""
        return CoAACK(*attributes, dictionary=self._dictionary)

    def nak(self, error_cause: int, *attributes: AVP | Named, reason: str = "") -> CoANAK:
        """The CoA-NAK with its Error-Cause, as in ``ErrorCause.SESSION_CONTEXT_NOT_FOUND``."""
        reply = CoANAK(ErrorCause(error_cause), *attributes, dictionary=self._dictionary)
        reply._reason = reason
        return reply


class DisconnectRequest(Request[DisconnectReply]):
    """Code 40: end a session (RFC 5176 section 2.1)."""

    code = codes.DISCONNECT_REQUEST
    name = "Disconnect-Request"
    replies = (DisconnectACK, DisconnectNAK)
    __slots__ = ()

    def ack(self, *attributes: AVP | Named) -> DisconnectACK:
        """The Disconnect-ACK: it was done."""
        return DisconnectACK(*attributes, dictionary=self._dictionary)

    def nak(self, error_cause: int, *attributes: AVP | Named, reason: str = "") -> DisconnectNAK:
        """The Disconnect-NAK with its Error-Cause, as in ``ErrorCause.SESSION_CONTEXT_NOT_FOUND``."""
        reply = DisconnectNAK(ErrorCause(error_cause), *attributes, dictionary=self._dictionary)
        reply._reason = reason
        return reply


class StatusServer(Request[StatusReply]):
    """Code 12: are you there? Answered by the server itself (RFC 5997)."""

    code = codes.STATUS_SERVER
    name = "Status-Server"
    replies = (AccessAccept, AccountingResponse)
    __slots__ = ()


class StatusClient(Request[Reply]):
    """Code 13: experimental, never answered (RFC 2865 section 3)."""

    code = codes.STATUS_CLIENT
    name = "Status-Client"
    replies = ()
    __slots__ = ()


REQUESTS: Final[dict[int, type[Request[Any]]]] = {
    packet.code: packet
    for packet in (AccessRequest, AccountingRequest, CoARequest, DisconnectRequest, StatusServer, StatusClient)
}
REPLIES: Final[dict[int, type[Reply]]] = {
    packet.code: packet
    for packet in (
        AccessAccept,
        AccessReject,
        AccessChallenge,
        AccountingResponse,
        CoAACK,
        CoANAK,
        DisconnectACK,
        DisconnectNAK,
        ProtocolError,
    )
}
PACKETS: Final[dict[int, type[Packet]]] = {**REQUESTS, **REPLIES}
