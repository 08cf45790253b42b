"""Real programs of others, found where Debian puts them; a missing one is a failure, never a skip."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from .eapol import EapolTest
from .examples import HIDDEN, PLAIN
from .freeradius import FreeRADIUS, running
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


@pytest.fixture(scope="session")
def eapol_test(tmp_path_factory: pytest.TempPathFactory) -> EapolTest:
    """Runs eapol_test; see its class."""
    return EapolTest(installed("eapol_test", "eapoltest"), tmp_path_factory.mktemp("eapol_test"))


@pytest.fixture(scope="session")
def freeradius(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreeRADIUS]:
    """A FreeRADIUS server that knows alice, eve and everything."""
    everything = [line for _, lines in PLAIN + HIDDEN for line in lines]
    with running(
        installed("freeradius", "freeradius"),
        installed("radclient", "freeradius-utils"),
        tmp_path_factory.mktemp("freeradius"),
        "\n".join(line.replace(" = ", " += ", 1) for line in everything),
    ) as server:
        yield server
