"""RADIUS over DTLS: a NAS is known by its certificate. Run it with: python -m examples.dtls

server.pem, server.key and ca.pem are in the current directory.
"""

import trio

from trioradius import DTLS, AccessAccept, AccessReject, AccessRequest, App, Peer, TLSSettings, serve
from trioradius.attributes import ReplyMessage, UserName

app = App(peers={"dns:nas.example.org": Peer()})


@app.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    if request.get(UserName) == "alice" and request.verify_password("wonderland"):
        return request.accept(ReplyMessage("Welcome, Alice"))
    return request.reject()


if __name__ == "__main__":
    settings = TLSSettings(certificate="server.pem", key="server.key", ca="ca.pem")
    trio.run(serve, app, DTLS("::", 2083, settings))
