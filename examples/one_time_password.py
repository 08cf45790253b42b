"""One-time password: after the right password the user is sent a code, and asked for it with an Access-Challenge.

State ties the second request to the first. It is random, so that nobody can guess one; it works once, for the user it
was made for, and for two minutes.
"""

import secrets
from dataclasses import dataclass

import trio

from trioradius import AccessAccept, AccessChallenge, AccessReject, AccessRequest, App
from trioradius.attributes import ReplyMessage, State, UserName

PASSWORDS = {"alice": "wonderland"}
LIFETIME = 120


@dataclass
class Challenge:
    user: str
    code: str
    until: float


challenges: dict[bytes, Challenge] = {}

app = App(peers={"127.0.0.1": b"testing123"})


async def deliver(user: str, code: str) -> None:
    """Here goes your text message; the example prints it."""
    print(f"to {user}: your code is {code}")


def open_challenge(user: str, code: str) -> bytes:
    now = trio.current_time()
    for state in [state for state, challenge in challenges.items() if challenge.until < now or challenge.user == user]:
        del challenges[state]
    state = secrets.token_bytes(16)
    challenges[state] = Challenge(user, code, now + LIFETIME)
    return state


@app.on(AccessRequest, when=lambda request: State in request)
async def second_step(request: AccessRequest) -> AccessAccept | AccessReject:
    challenge = challenges.pop(request[State], None)
    if challenge is None or challenge.until < trio.current_time():
        return request.reject(ReplyMessage("Please start again"), reason="no such challenge, or too late")
    # verify_password compares in constant time. A wrong code ends the challenge: there is one guess at it.
    if request[UserName] != challenge.user or not request.verify_password(challenge.code):
        return request.reject(reason="wrong code")
    return request.accept()


@app.on(AccessRequest)
async def first_step(request: AccessRequest) -> AccessChallenge | AccessReject:
    user = request[UserName]
    password = PASSWORDS.get(user)
    if password is None or not request.verify_password(password):
        return request.reject(reason="unknown user or wrong password")
    code = f"{secrets.randbelow(1_000_000):06}"
    await deliver(user, code)
    return request.challenge(State(open_challenge(user, code)), ReplyMessage("Enter the code that was sent to you"))
