"""What the tests of the provider share."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator

import pytest

from tests.examples.isp.sites import Site, fill, serving
from tests.interop.conftest import installed
from tests.interop.radclient import Radclient


@pytest.fixture
async def site(where: str) -> AsyncIterator[Site]:
    """A provider on SQLite, and on PostgreSQL."""
    async with serving(where) as site:
        await fill(site)
        yield site


@pytest.fixture
async def small_site(tmp_path: pathlib.Path) -> AsyncIterator[Site]:
    """A provider on SQLite alone, for what no database decides about."""
    async with serving(str(tmp_path / "isp.db")) as site:
        await fill(site)
        yield site


@pytest.fixture
def radclient(tmp_path: pathlib.Path) -> Radclient:
    """Debian's radclient."""
    configuration = tmp_path / "radclient"
    configuration.mkdir()
    (configuration / "dictionary").touch()
    return Radclient(installed("radclient", "freeradius-utils"), configuration)
