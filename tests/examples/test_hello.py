from examples.hello import app
from trioradius import AccessAccept, AccessReject, AccessRequest
from trioradius.attributes import ReplyMessage, UserName, UserPassword
from trioradius.testing import AppClient


async def test_alice_gets_in() -> None:
    reply = await AppClient(app).exchange(AccessRequest(UserName("alice"), UserPassword("wonderland")))
    assert isinstance(reply, AccessAccept)
    assert reply[ReplyMessage] == "Welcome, Alice"


async def test_anybody_else_does_not() -> None:
    client = AppClient(app)
    for user, password in (("alice", "looking glass"), ("bob", "wonderland")):
        reply = await client.exchange(AccessRequest(UserName(user), UserPassword(password)))
        assert isinstance(reply, AccessReject)


async def test_a_request_without_attributes_is_rejected() -> None:
    assert isinstance(await AppClient(app).exchange(AccessRequest()), AccessReject)
