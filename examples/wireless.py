"""802.1X and WPA2-Enterprise: who may use the network, and in which VLAN.

trioradius certs DIR; python -m examples.wireless DIR
"""

import pathlib
import sys

import trio

from trioradius import UDP, AccessAccept, AccessReject, AccessRequest, App, TLSSettings, serve
from trioradius.attributes import TunnelMediumType, TunnelPrivateGroupId, TunnelType
from trioradius.authentication import EAP, EAPTLS, EAPTTLS, PEAP, EAPMSCHAPv2, Identity

PASSWORDS = {"alice": "wonderland", "bob": "looking glass", "carol": "teapot"}
VLANS = {"alice": "10", "bob": "20"}


async def password_of(user: str) -> str | None:
    """Here goes your database; None is a user that nobody knows."""
    return PASSWORDS.get(user)


def vlan(identity: Identity) -> str | None:
    """Whoever shows a certificate is one of our machines."""
    return "30" if identity.certificate else VLANS.get(identity.user)


def make_app(folder: pathlib.Path) -> App[None]:
    """An app whose server certificate, and the authority of its users' certificates, are in a folder."""
    settings = TLSSettings(certificate=folder / "server.pem", key=folder / "server.key", ca=folder / "ca.pem")
    # In the order in which they are proposed. The server proves itself before anybody says a password.
    eap = EAP([EAPTLS(settings), PEAP(settings, EAPMSCHAPv2()), EAPTTLS(settings)], plain=False)
    app: App[None] = App({"127.0.0.1": "testing123"})

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
        identity = await eap.authenticate(request, password_of)
        number = vlan(identity)
        if number is None:
            return request.reject(reason=f"{identity.user} has no VLAN")
        return request.accept(
            TunnelType(TunnelType.VLAN),
            TunnelMediumType(TunnelMediumType.IEEE_802),
            TunnelPrivateGroupId(number),
        )

    return app


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    trio.run(serve, make_app(pathlib.Path(sys.argv[1])), UDP("127.0.0.1", 1812))
