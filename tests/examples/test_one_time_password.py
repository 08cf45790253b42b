import re

import pytest
from trio.testing import MockClock

from examples.one_time_password import LIFETIME, app, challenges
from trioradius import AccessAccept, AccessChallenge, AccessReject, AccessReply, AccessRequest
from trioradius.attributes import State, UserName, UserPassword
from trioradius.testing import AppClient


@pytest.fixture(autouse=True)
def no_challenges() -> None:
    challenges.clear()


async def ask(user: str, password: str, state: bytes | None = None) -> AccessReply:
    attributes = [UserName(user), UserPassword(password)]
    if state is not None:
        attributes.append(State(state))
    return await AppClient(app).exchange(AccessRequest(*attributes))


async def challenged(capsys: pytest.CaptureFixture[str], user: str = "alice") -> tuple[str, bytes]:
    reply = await ask(user, "wonderland")
    assert isinstance(reply, AccessChallenge)
    found = re.search(r"code is (\d{6})", capsys.readouterr().out)
    assert found
    return found[1], reply[State]


async def test_password_and_code(capsys: pytest.CaptureFixture[str]) -> None:
    code, state = await challenged(capsys)
    assert isinstance(await ask("alice", code, state), AccessAccept)


async def test_a_wrong_password_is_not_challenged() -> None:
    assert isinstance(await ask("alice", "looking glass"), AccessReject)
    assert not challenges


async def test_a_state_works_once(capsys: pytest.CaptureFixture[str]) -> None:
    code, state = await challenged(capsys)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert isinstance(await ask("alice", wrong, state), AccessReject)
    assert isinstance(await ask("alice", code, state), AccessReject)


async def test_a_state_is_for_one_user(capsys: pytest.CaptureFixture[str]) -> None:
    code, state = await challenged(capsys)
    assert isinstance(await ask("bob", code, state), AccessReject)


async def test_a_state_nobody_gave_is_rejected() -> None:
    assert isinstance(await ask("alice", "000000", bytes(16)), AccessReject)


async def test_a_state_ends(capsys: pytest.CaptureFixture[str], mock_clock: MockClock) -> None:
    code, state = await challenged(capsys)
    mock_clock.jump(LIFETIME + 1)
    assert isinstance(await ask("alice", code, state), AccessReject)


async def test_a_user_has_one_challenge_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        await challenged(capsys)
    assert len(challenges) == 1
