"""The smallest server: one user, one password. Run it with: trioradius run examples.hello:app"""

from trioradius import AccessAccept, AccessReject, AccessRequest, App
from trioradius.attributes import ReplyMessage, UserName

app = App(peers={"127.0.0.1": b"testing123"})


@app.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    if request.get(UserName) == "alice" and request.verify_password("wonderland"):
        return request.accept(ReplyMessage("Welcome, Alice"))
    return request.reject()
