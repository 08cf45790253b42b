"""Real programs of others, found where Debian puts them; a missing one is a failure, never a skip."""

from __future__ import annotations

import shutil

import pytest

from .radclient import Radclient


def installed(program: str, package: str) -> str:
    """The path of a program that these tests cannot do without."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        pytest.fail(f"{program} is not installed: apt-get install {package}", pytrace=False)
    return found


@pytest.fixture(scope="session")
def radclient(tmp_path_factory: pytest.TempPathFactory) -> Radclient:
    """Runs radclient; see its class."""
    configuration = tmp_path_factory.mktemp("radclient")
    (configuration / "dictionary").touch()
    return Radclient(installed("radclient", "freeradius-utils"), configuration)
