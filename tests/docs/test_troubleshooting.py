"""docs/troubleshooting.md names every reason for which a packet can be thrown away."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
REASON = re.compile(r'\breason="([a-z_]+)"')


def test_every_reason_is_explained() -> None:
    reasons = {reason for file in (ROOT / "trioradius").rglob("*.py") for reason in REASON.findall(file.read_text())}
    explained = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs/troubleshooting.md").read_text()))
    assert reasons <= explained
