"""The app under test of growth.py: as many PEERS, ROUTES and USERS as the environment says.

python growth_server.py PORT: without ``trioradius run``, which tells every route when it begins.
"""

import ipaddress
import os
import sys

import trio

from trioradius import UDP, AccessAccept, AccessReject, AccessRequest, App, serve
from trioradius.attributes import FramedIPAddress, ReplyMessage, SessionTimeout, UserName

PEERS, ROUTES, COUNT = (int(os.environ[name]) for name in ("PEERS", "ROUTES", "USERS"))
FIRST = int(ipaddress.IPv4Address("10.0.0.1"))
USERS = {f"user{number}": f"pass{number}" for number in range(COUNT)}

REPLY = (ReplyMessage("Hello"), SessionTimeout(3600), FramedIPAddress("10.0.0.1"))

peers = {str(ipaddress.IPv4Address(FIRST + number)): b"testing123" for number in range(PEERS - 1)}
app = App(peers={**peers, "127.0.0.1": b"testing123"})


async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    password = USERS.get(request[UserName])
    if password is not None and request.verify_password(password):
        return request.accept(*REPLY)
    return request.reject()


for number in range(ROUTES - 1):
    app.on(AccessRequest, realm=f"realm{number}.example")(authenticate)
app.on(AccessRequest)(authenticate)

if __name__ == "__main__":
    trio.run(serve, app, UDP("127.0.0.1", int(sys.argv[1])))
