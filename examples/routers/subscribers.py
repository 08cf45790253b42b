"""Subscribers: a password each, and a session that ends after a day."""

from trioradius import AccessAccept, AccessReject, AccessRequest, Router
from trioradius.attributes import SessionTimeout, UserName

PASSWORDS = {"alice@example.net": "wonderland"}

router = Router()


@router.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    password = PASSWORDS.get(request[UserName].lower())
    if password is None or not request.verify_password(password):
        return request.reject(reason="unknown subscriber or wrong password")
    return request.accept(SessionTimeout(86_400))
