"""The app under test of eap.py: EAP-TLS and PEAP-MSCHAPv2 with the certificates of the folder CERTIFICATES."""

import os
import pathlib

from trioradius import AccessAccept, AccessRequest, App, TLSSettings
from trioradius.authentication import EAP, EAPTLS, PEAP, EAPMSCHAPv2

USERS = {f"user{number}": f"pass{number}" for number in range(10_000)}
CERTIFICATES = pathlib.Path(os.environ["CERTIFICATES"])
SETTINGS = TLSSettings(
    certificate=CERTIFICATES / "server.pem",
    key=CERTIFICATES / "server.key",
    ca=CERTIFICATES / "ca.pem",
    maximum_version="1.2" if os.environ["TLS_VERSION"] == "1.2" else "1.3",
    resumption=False,
)
"""Without resumption, as the other server is configured, so that every handshake is a whole one."""

app = App(peers={"127.0.0.1": b"testing123"})
eap = EAP([PEAP(SETTINGS, EAPMSCHAPv2()), EAPTLS(SETTINGS)], fragment_size=1_024)


@app.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept:
    await eap.authenticate(request, USERS.get)
    return request.accept()
