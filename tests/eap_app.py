"""An app that speaks every EAP method, for those who test a supplicant."""

from __future__ import annotations

from typing import Any

from tests.tls.pki import PKI
from trioradius import AccessAccept, AccessRequest, App, EAPCredentials
from trioradius.attributes import ReplyMessage
from trioradius.authentication import EAP, EAPGTC, EAPMD5, EAPTLS, EAPTTLS, PEAP, EAPMSCHAPv2
from trioradius.eap.supplicant import needs_certificate, needs_tls

SECRET = b"testing123"


def known(user: str) -> str | None:
    """The password of alice, whatever her domain."""
    return "wonderland" if user.rpartition("\\")[2] == "alice" else None


def eap_app(pki: PKI, peers: Any = None, **changes: Any) -> App[None]:
    """Every method that is spoken by a supplicant; each has to be asked for, but EAP-TLS."""
    app: App[None] = App(peers=peers or {"127.0.0.1": SECRET}, reject_delay=0)
    settings = pki.settings("server", **changes)
    tls = EAPTLS(settings)
    peap = PEAP(settings, EAPMSCHAPv2(), EAPGTC(), EAPMD5(), tls)
    eap = EAP([tls, peap, EAPTTLS(settings), EAPMSCHAPv2(), EAPGTC(), EAPMD5()])

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessAccept:
        identity = await eap.authenticate(request, known)
        return request.accept(ReplyMessage(f"{identity.user} by {identity.method} {identity.inner_method}".strip()))

    return app


def alice(pki: PKI, method: Any, password: str = "wonderland", **changes: Any) -> EAPCredentials:
    """What alice shows; she believes a server with a certificate for localhost."""
    own: dict[str, Any] = {} if needs_certificate(method) else {"certificate": None, "key": None}
    tls = pki.settings("client", **({"server_name": "localhost"} | own | changes)) if needs_tls(method) else None
    return EAPCredentials(method=method, identity="alice", password=password, tls=tls)
