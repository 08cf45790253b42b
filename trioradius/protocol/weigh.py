"""weigh(): what a proof is worth against a credential. Constant time, nothing trimmed, no case folded."""

from __future__ import annotations

from hmac import compare_digest
from typing import Final

from trioradius.protocol import ms_chap
from trioradius.protocol.credentials import Cleartext, Credential, Hashed, NTHash, Verdict
from trioradius.protocol.hashes import is_password_of
from trioradius.protocol.proofs import CHAP, MSCHAP, PAP, MSCHAPv2, Proof
from trioradius.protocol.secret import md5

FITS: Final = Verdict(True)
WRONG: Final = Verdict(False, "wrong password")
EMPTY: Final = Verdict(False, "an empty password proves nothing, though it is the one that is known")
"""It is what a field holds that nobody filled, and anybody can show it."""
PASSWORD_MAXIMUM: Final = 256
"""Octets of a password that is hashed to weigh it. User-Password has 128 at most (RFC 2865 section 5.2), but through a
tunnel whole messages come, and MD4 and crypt take their time over those: for crypt it grows with the square."""
EMPTY_NT_HASH: Final = ms_chap.nt_hash("")
_NOT_UTF8: Final = "the password is no UTF-8 text, which MS-CHAP hashes"
_NEEDS: Final = {
    CHAP: "CHAP needs the cleartext password: store Cleartext",
    MSCHAP: "MS-CHAP needs the cleartext password or its NT hash: store Cleartext or NTHash",
    MSCHAPv2: "MS-CHAPv2 needs the cleartext password or its NT hash: store Cleartext or NTHash",
}


def weigh(proof: Proof, credential: Credential) -> Verdict:
    """Whether the proof shows knowledge of the password, and what follows from it.

    A credential that cannot serve the method gives a verdict that does not fit and says what to store instead. A slow
    hash (Hashed) takes its time here: await Passwords.weigh() of trioradius.authentication
    for those.

    Raises:
        ConfigurationError: a Hashed text that nothing here can read.
    """
    if isinstance(proof, PAP):
        return _weigh_pap(proof, credential)
    if isinstance(proof, CHAP):
        return _weigh_chap(proof, credential)
    if isinstance(proof, MSCHAP):
        return _weigh_ms_chap(proof, credential)
    return _weigh_ms_chap_v2(proof, credential)


def _weigh_pap(proof: PAP, credential: Credential) -> Verdict:
    if not proof.password:
        return EMPTY
    if isinstance(credential, Cleartext):
        return _verdict(compare_digest(proof.password, credential.password))
    if len(proof.password) > PASSWORD_MAXIMUM:
        return WRONG
    if isinstance(credential, Hashed):
        return _verdict(is_password_of(proof.password, credential.text))
    given = _nt_hash(proof.password)
    return _verdict(given is not None and compare_digest(given, credential.octets))


def _weigh_chap(proof: CHAP, credential: Credential) -> Verdict:
    """RFC 1994 section 4.1, RFC 2865 section 2.2."""
    if not isinstance(credential, Cleartext):
        return Verdict(False, _NEEDS[CHAP])
    if not proof.challenge:
        return Verdict(False, "CHAP without a challenge proves nothing")
    if not credential.password:
        return EMPTY
    expected = chap_response(bytes((proof.identifier,)), credential.password, proof.challenge)
    return _verdict(compare_digest(expected, proof.response))


def chap_response(identifier: bytes, password: bytes, challenge: bytes) -> bytes:
    """What answers a challenge of CHAP, 16 octets (RFC 1994 section 4.1)."""
    return md5(identifier + password + challenge)


def _weigh_ms_chap(proof: MSCHAP, credential: Credential) -> Verdict:
    """RFC 2433 appendix A: the response is to be what the NT hash makes of the challenge."""
    nt_hash = _known_nt_hash(proof, credential)
    if isinstance(nt_hash, Verdict):
        return nt_hash
    if len(proof.challenge) != ms_chap.CHALLENGE_V1:
        return Verdict(False, "the challenge of MS-CHAP has 8 octets (RFC 2433 section 3)")
    if not proof.response:
        return Verdict(False, "a LAN Manager response alone is refused; the NAS has to send the NT one")
    expected = ms_chap.challenge_response(proof.challenge, nt_hash)
    if not compare_digest(expected, proof.response):
        return WRONG
    return Verdict(True, nt_hash=nt_hash)


def _weigh_ms_chap_v2(proof: MSCHAPv2, credential: Credential) -> Verdict:
    """RFC 2759 sections 8.1 and 8.7: a response that is right earns the server's own proof."""
    nt_hash = _known_nt_hash(proof, credential)
    if isinstance(nt_hash, Verdict):
        return nt_hash
    if {len(proof.authenticator_challenge), len(proof.peer_challenge)} != {ms_chap.CHALLENGE_V2}:
        return Verdict(False, "the challenges of MS-CHAPv2 have 16 octets (RFC 2759 sections 3 and 4)")
    values = (proof.authenticator_challenge, proof.peer_challenge, proof.user_name, nt_hash)
    if not compare_digest(ms_chap.nt_response(*values), proof.response):
        return WRONG
    return Verdict(
        True,
        authenticator_response=ms_chap.authenticator_response(*values, proof.response),
        nt_hash=nt_hash,
    )


def _known_nt_hash(proof: Proof, credential: Credential) -> bytes | Verdict:
    if isinstance(credential, Hashed):
        return Verdict(False, _NEEDS[type(proof)])
    nt_hash = nt_hash_of(credential)
    return EMPTY if nt_hash == EMPTY_NT_HASH else nt_hash or Verdict(False, _NOT_UTF8)


def nt_hash_of(credential: Cleartext | NTHash) -> bytes | None:
    """The NT hash of a password that is known so; None where it is no UTF-8 text."""
    return credential.octets if isinstance(credential, NTHash) else _nt_hash(credential.password)


def _nt_hash(password: bytes) -> bytes | None:
    try:
        return ms_chap.nt_hash(password.decode())
    except UnicodeDecodeError:
        return None


def _verdict(fits: bool) -> Verdict:
    return FITS if fits else WRONG
