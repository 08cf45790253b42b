"""What a handler awaits: who a request is from, by EAP or by a password, also against a slow hash."""

from trioradius.authentication.conversations import worker_of
from trioradius.authentication.eap import EAP, Identity, PasswordOf
from trioradius.authentication.passwords import Known, Passwords
from trioradius.eap.gtc import EAPGTC
from trioradius.eap.md5 import EAPMD5
from trioradius.eap.mschapv2 import EAPMSCHAPv2
from trioradius.eap.tls_based.certificate import EAPTLS
from trioradius.eap.tls_based.peap import PEAP
from trioradius.eap.tls_based.teap import TEAP
from trioradius.eap.tls_based.ttls import EAPTTLS
from trioradius.protocol.credentials import Cleartext, Credential, Hashed, NTHash

__all__ = [
    "EAP",
    "EAPGTC",
    "EAPMD5",
    "EAPTLS",
    "EAPTTLS",
    "PEAP",
    "TEAP",
    "Cleartext",
    "Credential",
    "EAPMSCHAPv2",
    "Hashed",
    "Identity",
    "Known",
    "NTHash",
    "PasswordOf",
    "Passwords",
    "worker_of",
]
