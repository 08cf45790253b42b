"""How a password is shown in the AVPs of TTLS without EAP: PAP, CHAP, MS-CHAP and MS-CHAPv2 (RFC 5281 section 11.2)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from hmac import compare_digest
from typing import Final

import attrs

from trioradius.eap.tls_based.avps import MICROSOFT, DiameterAVP
from trioradius.eap.tls_based.inner import NAME_MAXIMUM, name_of
from trioradius.errors import ConfigurationError, DecodeError
from trioradius.protocol import ms_chap
from trioradius.protocol.proofs import CHAP, MSCHAP, PAP, MSCHAPv2, Proof

USER_NAME: Final = (0, 1)
USER_PASSWORD: Final = (0, 2)
CHAP_PASSWORD: Final = (0, 3)
CHAP_CHALLENGE: Final = (0, 60)
EAP_MESSAGE: Final = (0, 79)
MS_CHAP_RESPONSE: Final = (MICROSOFT, 1)
MS_CHAP_CHALLENGE: Final = (MICROSOFT, 11)
MS_CHAP2_RESPONSE: Final = (MICROSOFT, 25)
MS_CHAP2_SUCCESS: Final = 26

NAMES: Final[dict[type[Proof], str]] = {PAP: "PAP", CHAP: "CHAP", MSCHAP: "MS-CHAP", MSCHAPv2: "MS-CHAPv2"}

_KNOWN: Final = frozenset(
    {
        USER_NAME,
        USER_PASSWORD,
        CHAP_PASSWORD,
        CHAP_CHALLENGE,
        EAP_MESSAGE,
        MS_CHAP_RESPONSE,
        MS_CHAP_CHALLENGE,
        MS_CHAP2_RESPONSE,
    }
)
_RESPONSE: Final = 50
"""Octets of MS-CHAP-Response and MS-CHAP2-Response (RFC 2548 sections 2.1.3 and 2.3.2)."""
_USE_NT: Final = 1

Values = dict[tuple[int, int], bytes]
Challenge = Callable[[int], bytes]
"""So many octets of the challenge that the TLS connection implies (RFC 5281 section 11.1)."""


@attrs.frozen
class Shown:
    """A proof within a tunnel, whose it is, and the identifier that an answer to it carries."""

    identity: str
    proof: Proof
    identifier: int = 0

    @property
    def name(self) -> str:
        """The name of the inner method."""
        return NAMES[type(self.proof)]


def _malformed(text: str) -> DecodeError:
    return DecodeError(f"EAP-TTLS: {text}", reason="eap_malformed")


def values(avps: Collection[DiameterAVP]) -> Values:
    """Values by vendor and code; those of several EAP-Messages belong together.

    Raises:
        DecodeError: one that must be understood is unknown (RFC 5281 section 10.1), or stands there twice.
    """
    found: Values = {}
    for avp in avps:
        key = avp.vendor, avp.code
        if key not in _KNOWN:
            if avp.mandatory:
                raise _malformed(f"a mandatory AVP {avp.code} of vendor {avp.vendor} that nobody here understands")
        elif key == EAP_MESSAGE:
            found[key] = found.get(key, b"") + avp.value
        elif key in found:
            raise _malformed(f"AVP {avp.code} of vendor {avp.vendor} twice")
        else:
            found[key] = avp.value
    return found


def allowed(plain: bool | Collection[str]) -> frozenset[str]:
    """The names of the proofs that may be shown. Raises ConfigurationError."""
    every = frozenset(NAMES.values())
    if isinstance(plain, bool):
        return every if plain else frozenset()
    chosen = frozenset((plain,) if isinstance(plain, str) else plain)
    if not chosen <= every:
        raise ConfigurationError(f"EAPTTLS(plain=...) is True, False or some of {sorted(every)}, not {sorted(chosen)}")
    return chosen


def shown(found: Values, challenge: Challenge, names: Collection[str]) -> Shown:
    """The proof among these values.

    Raises:
        DecodeError: there is none, or more than one, or not of an allowed kind, or not over the implied challenge.
    """
    readers = [(kind, read) for kind, (key, read) in _READERS.items() if key in found]
    if len(readers) != 1:
        raise _malformed("no proof of a user" if not readers else "several proofs of a user")
    kind, read = readers[0]
    if NAMES[kind] not in names:
        raise _malformed(f"{NAMES[kind]} is not offered")
    identity = name_of(found.get(USER_NAME, b""))
    if not identity:
        raise _malformed(f"no User-Name, or one that is no printable text of at most {NAME_MAXIMUM} octets")
    proof, identifier = read(found, challenge)
    return Shown(identity, proof, identifier)


def mschapv2_success(identifier: int, authenticator_response: bytes) -> DiameterAVP:
    """MS-CHAP2-Success, the server's own proof (RFC 5281 section 11.2.4, RFC 2548 section 2.3.3)."""
    return DiameterAVP(MS_CHAP2_SUCCESS, bytes((identifier,)) + authenticator_response, MICROSOFT)


def _pap(found: Values, challenge: Challenge) -> tuple[Proof, int]:
    """Padded with zeros to hide its length (RFC 5281 section 11.2.5)."""
    return PAP(found[USER_PASSWORD].rstrip(b"\0")), 0


def _chap(found: Values, challenge: Challenge) -> tuple[Proof, int]:
    response = found[CHAP_PASSWORD]
    implied = _implied(found, CHAP_CHALLENGE, response[:1], challenge(ms_chap.CHALLENGE_V2 + 1))
    if len(response) != 17:
        raise _malformed("CHAP-Password does not have 17 octets")
    return CHAP(response[0], implied, response[1:]), response[0]


def _ms_chap(found: Values, challenge: Challenge) -> tuple[Proof, int]:
    response = found[MS_CHAP_RESPONSE]
    implied = _implied(found, MS_CHAP_CHALLENGE, response[:1], challenge(ms_chap.CHALLENGE_V1 + 1))
    if len(response) != _RESPONSE:
        raise _malformed("MS-CHAP-Response does not have 50 octets")
    return MSCHAP(implied, response[26:] if response[1] == _USE_NT else b""), response[0]


def _ms_chap_v2(found: Values, challenge: Challenge) -> tuple[Proof, int]:
    response = found[MS_CHAP2_RESPONSE]
    implied = _implied(found, MS_CHAP_CHALLENGE, response[:1], challenge(ms_chap.CHALLENGE_V2 + 1))
    if len(response) != _RESPONSE:
        raise _malformed("MS-CHAP2-Response does not have 50 octets")
    name = ms_chap.without_domain(found.get(USER_NAME, b""))
    return MSCHAPv2(name, implied, response[2:18], response[26:]), response[0]


def _implied(found: Values, key: tuple[int, int], identifier: bytes, implied: bytes) -> bytes:
    """The challenge, which is to be what the connection implies, and the identifier with it."""
    if not compare_digest(found.get(key, b"") + identifier, implied):
        raise _malformed("the challenge is not the one that the TLS connection implies")
    return implied[:-1]


_READERS: Final = {
    PAP: (USER_PASSWORD, _pap),
    CHAP: (CHAP_PASSWORD, _chap),
    MSCHAP: (MS_CHAP_RESPONSE, _ms_chap),
    MSCHAPv2: (MS_CHAP2_RESPONSE, _ms_chap_v2),
}
