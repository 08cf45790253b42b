"""Accounting: who is online, in memory."""

from trioradius import AccountingRequest, AccountingResponse, Router
from trioradius.attributes import AcctSessionId, AcctStatusType, UserName

online: dict[str, str] = {}

router = Router()


@router.on(AccountingRequest, when=lambda request: request[AcctStatusType] == AcctStatusType.START)
async def start(request: AccountingRequest) -> AccountingResponse:
    online[request[AcctSessionId]] = request[UserName]
    return request.respond()


@router.on(AccountingRequest, when=lambda request: request[AcctStatusType] == AcctStatusType.STOP)
async def stop(request: AccountingRequest) -> AccountingResponse:
    online.pop(request[AcctSessionId], None)
    return request.respond()
