"""Passwords as a NAS sends them: PAP, CHAP (RFC 2865, RFC 1994), MS-CHAPv1 and MS-CHAPv2 (RFC 2548)."""

from __future__ import annotations

import os
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from trioradius.attributes.attribute import AVP
from trioradius.attributes.ietf import CHAPChallenge, CHAPPassword, EAPMessage, UserName, UserPassword
from trioradius.attributes.microsoft import (
    MSCHAP2CPW,
    MSCHAPCPW2,
    MSCHAP2Response,
    MSCHAP2Success,
    MSCHAPChallenge,
    MSCHAPError,
    MSCHAPMPPEKeys,
    MSCHAPResponse,
    MSMPPEEncryptionPolicy,
    MSMPPEEncryptionTypes,
    MSMPPERecvKey,
    MSMPPESendKey,
)
from trioradius.errors import ConfigurationError
from trioradius.protocol import mppe, ms_chap
from trioradius.protocol.credentials import Cleartext, Credential, Hashed, NTHash, Verdict
from trioradius.protocol.password_change import change_of
from trioradius.protocol.proofs import CHAP, MSCHAP, PAP, MSCHAPv2, Proof
from trioradius.protocol.secret import md5
from trioradius.protocol.weigh import EMPTY_NT_HASH, chap_response, nt_hash_of, weigh

if TYPE_CHECKING:
    from trioradius.protocol.packet import Packet
    from trioradius.protocol.packets import AccessRequest

VENDOR_SPECIFIC: Final = 26
_NT_RESPONSE_IS_GIVEN: Final = 1
"""In Flags of MS-CHAP-Response (RFC 2548 section 2.1.3); without it the NT-Response is to be ignored."""
_STRONG_ENCRYPTION: Final = 4
"""RC4 with 128 bits, the S bit of MS-MPPE-Encryption-Types (RFC 2548 section 2.4.4)."""
_ENCRYPTION_V1: Final = (
    MSMPPEEncryptionPolicy(MSMPPEEncryptionPolicy.ENCRYPTION_ALLOWED),
    MSMPPEEncryptionTypes(_STRONG_ENCRYPTION),
)
_ENCRYPTION_V2: Final = (
    MSMPPEEncryptionPolicy(MSMPPEEncryptionPolicy.ENCRYPTION_ALLOWED),
    MSMPPEEncryptionTypes(MSMPPEEncryptionTypes.RC4_40OR128_BIT_ALLOWED),
)
_IDENTIFIED_BY: Final = ((MSCHAP2Response, 0), (MSCHAPResponse, 0), (MSCHAP2CPW, 1), (MSCHAPCPW2, 1))
"""Where the octet lies that a reply has to repeat as its Ident."""
_NO_PASSWORD: Final = Verdict(False, "the request carries no password")
_EAP_INSTEAD: Final = Verdict(
    False, "the request carries EAP, and no password: EAP([...]).authenticate(request, ...) takes it"
)
_UNKNOWN_USER: Final = Verdict(False, "unknown user")
NOBODY: Final = Cleartext("nobody's password")
"""What the proof of an unknown user is weighed against, so that it costs what a wrong password costs."""


def proof_of(request: Packet) -> Proof | None:
    """What a request proves with, or None: User-Password, else CHAP-Password, else MS-CHAP.

    Where several stand side by side, which RFC 2865 section 4.1 forbids, only the first is looked at. One of a wrong
    length counts as none. CHAP without CHAP-Challenge takes the Request Authenticator (section 5.3).
    """
    password = request.octets(UserPassword)
    return _proof_without_pap(request) if password is None else PAP(password)


def _proof_without_pap(request: Packet) -> Proof | None:
    response = request.octets(CHAPPassword)
    if response is None:
        return _ms_chap_proof_of(request)
    if len(response) != 17:
        return None
    return CHAP(response[0], request.octets(CHAPChallenge) or request.authenticator, response[1:])


def _ms_chap_proof_of(request: Packet) -> Proof | None:
    """RFC 2548 sections 2.1.3 and 2.3.2: both responses are of 50 octets."""
    challenge = request.octets(MSCHAPChallenge)
    second, first = request.octets(MSCHAP2Response), request.octets(MSCHAPResponse)
    response = first if second is None else second
    if challenge is None or response is None or len(response) != 50:
        return None
    if second is not None:
        name = ms_chap.without_domain(request.octets(UserName) or b"")
        return MSCHAPv2(name, challenge, second[2:18], second[26:])
    return MSCHAP(challenge, response[26:] if response[1] & _NT_RESPONSE_IS_GIVEN else b"")


def verify(request: AccessRequest, known: str | bytes | Credential | None) -> bool:
    """Whether the request proves that it knows this password, in constant time; see AccessRequest.verify_password."""
    if isinstance(known, str):
        known = known.encode()
    given = request.octets(UserPassword)
    if isinstance(known, bytes):
        # The way of most requests; what fails by CHAP takes the long one, which finds out why.
        if given is not None:
            return compare_digest(given, known) and known != b""
        if known and _is_right_chap(request, known):
            return True
        known = Cleartext(known)
    elif known is None and given is None:
        # Nobody's password costs what a wrong one costs.
        _is_right_chap(request, NOBODY.password)
    if isinstance(known, Hashed):
        raise ConfigurationError(
            "a hashed password takes time: await Passwords().verify(request, ...) of trioradius.authentication"
        )
    proof = _proof_without_pap(request) if given is None else PAP(given)
    if proof is None:
        return settle(request, None, no_proof(request))
    return settle(request, proof, weigh_unknown(proof, NOBODY) if known is None else weigh(proof, known))


def _is_right_chap(request: Packet, password: bytes) -> bool:
    response = request.octets(CHAPPassword)
    if response is None or len(response) != 17:
        return False
    challenge = request.octets(CHAPChallenge) or request.authenticator
    return challenge != b"" and compare_digest(chap_response(response[:1], password, challenge), response[1:])


def no_proof(request: Packet) -> Verdict:
    """The verdict on a request without a proof that is read here; it says where one with EAP belongs."""
    return _NO_PASSWORD if request.octets(EAPMessage) is None else _EAP_INSTEAD


def weigh_unknown(proof: Proof, like: Credential) -> Verdict:
    """The verdict on a user whom nobody knows: the work that a credential like this one costs, and always no."""
    weigh(proof, like)
    return _UNKNOWN_USER


def settle(request: AccessRequest, proof: Proof | None, verdict: Verdict) -> bool:
    """Remember what a verdict owes the reply, and why there is to be a rejection; returns whether the proof fits."""
    if not verdict.fits:
        request.owe(reason=verdict.reason)
    elif isinstance(proof, MSCHAP | MSCHAPv2):
        request.owe(accept=earned(proof, verdict, _identifier(request)))
    return verdict.fits


def changed(request: AccessRequest, known: Cleartext | NTHash | None) -> Cleartext | None:
    """The new password that a request brings, proved by the old; see AccessRequest.changed_password."""
    change = change_of(request)
    if change is None:
        return None
    old = nt_hash_of(NOBODY if known is None else known)
    new = change.new_password(old) if old and old != EMPTY_NT_HASH else None
    if known is None or new is None:
        request.owe(reason="the password change was not made with the password that is known")
        return None
    return new if settle(request, change.proof, weigh(change.proof, new)) else None


def earned(proof: MSCHAP | MSCHAPv2, verdict: Verdict, identifier: bytes) -> tuple[AVP, ...]:
    """What an Access-Accept carries after MS-CHAP: the server's proof, and keys for MPPE (RFC 2548 section 2.4).

    ``identifier`` is the Ident of the response, one octet. MS-CHAPv1 gets only the NT key, and so 128 bits: those of
    40 and 56 would come of the LAN Manager hash, which nobody should keep.
    """
    if isinstance(proof, MSCHAP):
        return (MSCHAPMPPEKeys(bytes(8) + ms_chap.hash_of_nt_hash(verdict.nt_hash)), *_ENCRYPTION_V1)
    send, receive = mppe.send_and_receive_keys(verdict.nt_hash, proof.response)
    return (
        MSCHAP2Success(identifier + verdict.authenticator_response),
        MSMPPERecvKey(receive),
        MSMPPESendKey(send),
        *_ENCRYPTION_V2,
    )


def failure(request: Packet, code: int) -> tuple[AVP, ...]:
    """MS-CHAP-Error with a new challenge for a request that used MS-CHAP, nothing for others (RFC 2548 section 2.1.4).

    Its first octet is the Ident, which need not be text.
    """
    identifier = _identifier(request) if request.carries(VENDOR_SPECIFIC) else b""
    if not identifier:
        return ()
    if request.octets(MSCHAP2Response) is None and request.octets(MSCHAP2CPW) is None:
        text = ms_chap.failure_v1(code, os.urandom(ms_chap.CHALLENGE_V1))
    else:
        text = ms_chap.failure_v2(code, os.urandom(ms_chap.CHALLENGE_V2))
    return (MSCHAPError.avp(identifier + text),)


def _identifier(request: Packet) -> bytes:
    """The Ident of what a request carries of MS-CHAP, one octet; empty where it carries none."""
    for attribute, at in _IDENTIFIED_BY:
        octets = request.octets(attribute)
        if octets is not None:
            return octets[at : at + 1]
    return b""


def chap(password: str | bytes, *, identifier: int | None = None, challenge: bytes | None = None) -> tuple[AVP, AVP]:
    """CHAP-Password and CHAP-Challenge as a NAS would send them for this password.

    Identifier and challenge are random unless given. The challenge always travels in its own attribute, so that the
    Request Authenticator stays the client's business.
    """
    clear = password.encode() if isinstance(password, str) else password
    first = os.urandom(1) if identifier is None else bytes((identifier,))
    vector = os.urandom(16) if challenge is None else challenge
    return CHAPPassword(first + md5(first + clear + vector)), CHAPChallenge(vector)
