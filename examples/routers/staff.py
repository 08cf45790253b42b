"""Staff: who logs in to the equipment itself. This router's middleware holds for its own routes only."""

from typing import Any

from trioradius import AccessAccept, AccessReject, AccessRequest, CallNext, Discard, Reply, Request, Router
from trioradius.attributes import ServiceType, UserName

PASSWORDS = {"carol@staff.example.net": "through the looking glass"}
TERMINALS = "127.0.0.1"

router = Router()


@router.middleware
async def only_from_terminals(request: Request[Any], call_next: CallNext) -> Reply:
    if request.source is None or request.source.address != TERMINALS:
        raise Discard("staff log in from the terminals only", reason="not_a_terminal")
    return await call_next(request)


@router.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    password = PASSWORDS.get(request[UserName].lower())
    if password is None or not request.verify_password(password):
        return request.reject(reason="unknown operator or wrong password")
    return request.accept(ServiceType(ServiceType.ADMINISTRATIVE_USER))
