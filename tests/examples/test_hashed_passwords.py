from collections.abc import Iterator

import pytest

from examples.hashed_passwords import EXPIRED, USERS, app
from tests.protocol.test_password_change import second
from trioradius import AccessAccept, AccessReject, AccessReply, AccessRequest, chap
from trioradius.attributes import UserName, UserPassword
from trioradius.attributes.attribute import AVP
from trioradius.attributes.microsoft import MSCHAPError
from trioradius.protocol.logins import ms_chap_v2
from trioradius.testing import AppClient

PASSWORDS = {
    "alice": "wonderland",
    "bob": "looking-glass",
    "dave": "through the looking glass",
}


@pytest.fixture(autouse=True)
def users_as_they_were() -> Iterator[None]:
    users, expired = dict(USERS), set(EXPIRED)
    yield
    USERS.update(users)
    EXPIRED.update(expired)


async def ask(user: str, *attributes: AVP) -> AccessReply:
    return await AppClient(app).exchange(AccessRequest(UserName(user), *attributes))


@pytest.mark.parametrize("user", PASSWORDS)
async def test_pap(user: str) -> None:
    assert isinstance(await ask(user, UserPassword(PASSWORDS[user])), AccessAccept)
    assert isinstance(await ask(user, UserPassword("x")), AccessReject)


async def test_an_unknown_user_is_a_wrong_password() -> None:
    replies = [await ask(user, UserPassword("x")) for user in ("nobody", "alice")]
    unknown, wrong = (reply.without_attributes("Message-Authenticator") for reply in replies)
    assert unknown == wrong == AccessReject()


async def test_chap_needs_the_password_itself() -> None:
    assert isinstance(await ask("dave", *chap(PASSWORDS["dave"])), AccessAccept)
    assert isinstance(await ask("alice", *chap(PASSWORDS["alice"])), AccessReject)


async def test_an_expired_password_is_changed() -> None:
    reply = await ask("carol", *ms_chap_v2("carol", "curiouser", identifier=65).attributes)
    assert reply[MSCHAPError].startswith("AE=648 ")
    # The change in tests/protocol is made for alice, whose name is hashed.
    USERS["alice"] = USERS["carol"]
    assert isinstance(await ask("alice", *second("and curiouser", "curiouser")), AccessAccept)
    login = ms_chap_v2("alice", "and curiouser")
    reply = await ask("alice", *login.attributes)
    assert isinstance(reply, AccessAccept)
    login.require_proof(reply)
