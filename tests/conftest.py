"""What tests of every room share."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.interop import postgres
from tests.tls.pki import PKI

# The same examples in every run, and no limit on their time, so that a change that breaks nothing fails nothing.
# What has not been tried yet is looked for with --hypothesis-profile=default.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> PKI:
    """One authority for all tests over TLS and DTLS, with certificates of every kind."""
    return PKI(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL for all tests that only need databases in it."""
    with postgres.running() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """A new database of either kind, as open_database() takes it."""
    if request.param == "sqlite":
        return str(tmp_path / "radius.db")
    cluster: postgres.Cluster = request.getfixturevalue("cluster")
    return cluster.create_database()
