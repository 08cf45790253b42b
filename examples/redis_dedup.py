"""Several servers behind one address: what one of them answered, the others know from Redis."""

from collections.abc import AsyncGenerator

from trioradius import AccountingRequest, AccountingResponse, App
from trioradius.stores import RedisDedupStore

REDIS = "redis://127.0.0.1:6379/0"


def make_app(url: str, password: str | None = None) -> App[None]:
    """An app that counts; of the servers that share a Redis, one counts a request."""
    store = RedisDedupStore(url, password=password)
    app: App[None] = App(peers={"127.0.0.1": b"testing123"}, dedup=store)

    @app.lifespan
    async def redis(app: App[None]) -> AsyncGenerator[None]:
        async with store.connected():
            yield

    @app.on(AccountingRequest)
    async def account(request: AccountingRequest) -> AccountingResponse:
        app.counters["counted"] += 1
        return request.respond()

    return app


app = make_app(REDIS)
