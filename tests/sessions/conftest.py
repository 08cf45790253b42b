from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.sessions.line import Desk
from trioradius.stores.sql import open_database


@pytest.fixture
async def desk(where: str) -> AsyncIterator[Desk]:
    """On SQLite and on PostgreSQL."""
    async with open_database(where) as database:
        yield Desk.of(database)
