"""A script without Trio: one request, one reply. Run it with: python -m examples.script"""

from trioradius import UDP, AccessAccept, AccessRequest, NoResponse, send
from trioradius.attributes import NASIdentifier, UserName, UserPassword

SERVER = UDP("127.0.0.1", 1812)


def may_enter(user: str, password: str, server: UDP = SERVER) -> bool:
    """Ask the server; send() blocks until the reply is there."""
    request = AccessRequest(UserName(user), UserPassword(password), NASIdentifier("script"))
    return isinstance(send(server, request, secret=b"testing123"), AccessAccept)


if __name__ == "__main__":
    try:
        print("yes" if may_enter("alice", "wonderland") else "no")
    except NoResponse as error:
        print(error)
