"""authenticate(): a whole EAP conversation over RADIUS, as a NAS and its supplicant hold it together (RFC 3579)."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import attrs

from trioradius.attributes.attribute import AVP, Key
from trioradius.attributes.ietf import (
    ARAPPassword,
    CHAPPassword,
    EAPMessage,
    MessageAuthenticator,
    State,
    UserName,
    UserPassword,
)
from trioradius.attributes.microsoft import MSMPPERecvKey, MSMPPESendKey
from trioradius.eap.packet import SUCCESS, EAPPacket
from trioradius.eap.supplicant import Conversation, EAPCredentials, EAPMethod, Findings, method_of
from trioradius.errors import AuthenticityError, ConfigurationError, DecodeError
from trioradius.protocol.packet import Named
from trioradius.protocol.packets import AccessAccept, AccessChallenge, AccessReject, AccessReply, AccessRequest
from trioradius.tls.identity import PeerCertificate

_NOT_BESIDE_EAP: Final[dict[Key, str]] = {
    attribute.key: attribute.name
    for attribute in (UserPassword, CHAPPassword, ARAPPassword, EAPMessage, State, MessageAuthenticator)
}
"""A password beside EAP-Message is forbidden (RFC 3579 section 2.1); the others are the conversation's own business."""


@attrs.frozen
class EAPResult:
    """What a conversation came to.

    ``reply`` is the final answer. ``reason`` says why it is a rejection, as far as the supplicant was told, else "".
    ``rounds`` is the number of Access-Requests. ``tls_version`` ("TLSv1.3") and the server's ``certificate`` are "" and
    None for methods without TLS. ``msk`` are the 64 octets that both ends agreed on, of which a network makes its own
    keys; b"" after a rejection, and for methods without keys.
    """

    reply: AccessAccept | AccessReject
    method: EAPMethod
    rounds: int
    reason: str = ""
    tls_version: str = ""
    certificate: PeerCertificate | None = None
    msk: bytes = attrs.field(default=b"", repr=False)

    @property
    def accepted(self) -> bool:
        """Whether the reply is Access-Accept."""
        return isinstance(self.reply, AccessAccept)


async def authenticate(
    exchange: Callable[[AccessRequest], Awaitable[AccessReply]],
    credentials: EAPCredentials,
    *attributes: AVP | Named,
) -> EAPResult:
    """Hold a conversation, each round of it an Access-Request with these attributes.

    User-Name is the outer identity unless the attributes have another; State comes back as the server sent it.

    Raises:
        AuthenticityError: the server has not proved who it is, contradicts itself, or does not come to an end.
        DecodeError: the server's EAP makes no sense.
        ConfigurationError: a TLS file cannot be used; a password, or what the conversation sets, among the attributes.
        NoResponse, and what else ``exchange`` raises.
    """
    given = _require_fit(AccessRequest(*attributes).avps, credentials)
    conversation = Conversation(credentials.outer_identity, method_of(credentials, datetime.now(UTC)))
    response = conversation.begin()
    states: tuple[bytes, ...] = ()
    for rounds in range(1, credentials.rounds_maximum + 1):
        reply = await exchange(AccessRequest(*given, *map(State, states), EAPMessage(response.encode())))
        if not isinstance(reply, AccessChallenge):
            return _conclude(reply, conversation, credentials, rounds)
        response, states = conversation.respond(_packet(reply)), reply.all(State)
    text = f"the EAP server has not come to an end after {credentials.rounds_maximum} rounds"
    raise AuthenticityError(text, reason="eap_rounds")


def _require_fit(avps: tuple[AVP, ...], credentials: EAPCredentials) -> tuple[AVP, ...]:
    """The attributes of every request."""
    for avp in avps:
        if avp.attribute.key in _NOT_BESIDE_EAP:
            raise ConfigurationError(f"{avp.name} cannot be among the attributes of an EAP conversation")
    if any(avp.attribute.key == UserName.key for avp in avps):
        return avps
    return (UserName(credentials.outer_identity), *avps)


def _packet(reply: AccessChallenge) -> EAPPacket:
    octets = reply.octets(EAPMessage)
    if octets is None:
        raise DecodeError("the Access-Challenge has no EAP-Message", reason="eap_missing")
    return EAPPacket.decode(octets)


def _conclude(
    reply: AccessAccept | AccessReject, conversation: Conversation, credentials: EAPCredentials, rounds: int
) -> EAPResult:
    """The result, once the reply agrees with what the conversation has found."""
    findings = conversation.method.findings
    if findings.fault is not None:
        raise findings.fault
    octets = reply.octets(EAPMessage)
    succeeded = octets is not None and EAPPacket.decode(octets).code == SUCCESS
    if succeeded != isinstance(reply, AccessAccept):
        # RFC 3579 section 2.6.3: a NAS goes by the packet's code, and the supplicant by EAP; here both would be misled.
        text = f"{reply.name} with EAP {'Success' if succeeded else 'Failure, or without EAP-Message'}"
        raise AuthenticityError(text, reason="eap_conflict")
    if isinstance(reply, AccessAccept):
        _require_success(reply, findings, credentials)
    tunnel = findings.tunnel
    return EAPResult(
        reply=reply,
        method=credentials.method,
        rounds=rounds,
        reason="" if succeeded else findings.refusal,
        tls_version=tunnel.version if tunnel else "",
        certificate=tunnel.certificate if tunnel else None,
        msk=findings.msk if succeeded else b"",
    )


def _require_success(reply: AccessAccept, findings: Findings, credentials: EAPCredentials) -> None:
    if not findings.complete:
        text = f"the EAP server says Success before {credentials.method} has come to its end"
        raise AuthenticityError(text, reason="eap_premature_success")
    if not findings.msk:
        return
    received, sent = reply.octets(MSMPPERecvKey) or b"", reply.octets(MSMPPESendKey) or b""
    if not received and not sent:
        if credentials.require_keys:
            text = "the Access-Accept has no MS-MPPE keys; for a wired network, EAPCredentials(require_keys=False)"
            raise AuthenticityError(text, reason="eap_keys_missing")
        return
    if not _fits(findings.msk, received, sent):
        text = "the MS-MPPE keys of the Access-Accept are not those that the supplicant and the server agreed on"
        raise AuthenticityError(text, reason="eap_keys")


def _fits(msk: bytes, received: bytes, sent: bytes) -> bool:
    """Whether keys are the first and the second half of an MSK, of which EAP-MSCHAPv2 makes but 32 octets."""
    size = 32 if any(msk[32:]) else 16
    return hmac.compare_digest(received, msk[:size]) & hmac.compare_digest(sent, msk[size : 2 * size])
