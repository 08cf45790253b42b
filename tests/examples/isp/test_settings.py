"""Settings from the environment."""

from __future__ import annotations

import pytest

from examples.isp.settings import Settings
from trioradius import ConfigurationError


def test_what_the_environment_says() -> None:
    assert Settings.from_environment({"OTHER": "1"}) == Settings()
    given = {
        "ISP_DATABASE": "postgresql://radius@/radius",
        "ISP_INTERIM_SECONDS": "300",
        "ISP_INTERIM_JITTER": "0",
        "ISP_STALE_SECONDS": "1000",
        "ISP_WATCH_SECONDS": "2.5",
        "ISP_COA_PORT": "1700",
        "ISP_REQUIRE_MESSAGE_AUTHENTICATOR": "No",
    }
    assert Settings.from_environment(given) == Settings("postgresql://radius@/radius", 300, 0.0, 1000, 2.5, 1700, False)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("INTERIM_SECONDS", "59", "60 or more"),
        ("INTERIM_SECONDS", "often", "a number"),
        ("INTERIM_JITTER", "1.5", "part of 1"),
        ("STALE_SECONDS", "100", "three of its intervals"),
        ("WATCH_SECONDS", "0", "positive"),
        ("COA_PORT", "70000", "port"),
        ("REQUIRE_MESSAGE_AUTHENTICATOR", "maybe", "yes, no or auto"),
    ],
)
def test_settings_that_cannot_work(name: str, text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        Settings.from_environment({f"ISP_{name}": text})
