"""Accounting: Start, Interim-Update, Stop, On and Off as rows of radacct, acknowledged once they are on the disk."""

from __future__ import annotations

from trioradius import AccountingRequest, AccountingResponse, App, Router

from .provider import Provider


def router(app: App[Provider]) -> Router:
    """The route of accounting."""
    routes = Router()

    @routes.on(AccountingRequest)
    async def keep(request: AccountingRequest) -> AccountingResponse:
        await app.state.accounting.record(request)
        return request.respond()

    return routes
