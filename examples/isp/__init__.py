"""A provider of internet access: subscribers, plans, logins, accounting and sessions on a real database.

    python -m examples.isp init
    trioradius run examples.isp:app

Copy the folder and change it: each module is one concern. Logins are in logins.py, by the rules of policy.py and in the
words of answer.py; watch.py keeps rates in line with usage; commands/ is the command line.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from ipaddress import IPv4Address, IPv6Address

import trio

from trioradius import App, Peer, Peers

from . import accounting, logins
from .provider import Provider, open_provider
from .settings import Settings
from .watch import Watch


def make_app(
    read_settings: Callable[[], Settings] = Settings.from_environment, *, clock: Callable[[], float] = time.time
) -> App[Provider]:
    """The app. Its settings are read when it is started; ``clock`` gives seconds since 1970."""

    async def find(address: IPv4Address | IPv6Address) -> Peer | None:
        return await app.state.nas(address)

    app: App[Provider] = App(peers=Peers(find, lifetime=30, miss_lifetime=10))

    @app.lifespan
    async def provider(app: App[Provider]) -> AsyncGenerator[Provider]:
        async with open_provider(read_settings(), app.peers, clock=clock) as provider, trio.open_nursery() as nursery:
            nursery.start_soon(provider.sessions.keep_tidy, app.elected)
            nursery.start_soon(Watch(provider).run, app.elected)
            yield provider
            nursery.cancel_scope.cancel()

    app.include(logins.router(app))
    app.include(accounting.router(app))
    return app


app = make_app()
