from __future__ import annotations

import base64

from .conftest import Call


def test_a_secret_is_new_each_time_and_long_enough(call: Call) -> None:
    made = {call("secret").stdout.strip() for _ in range(5)}
    assert len(made) == 5
    assert all(len(base64.b32decode(secret.upper())) >= 24 for secret in made)
