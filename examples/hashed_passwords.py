"""Hashed passwords: users as an LDAP directory or a database keeps them, checked by whatever method the NAS uses.

A hash is enough for PAP. CHAP needs the password itself; MS-CHAP needs it, or its NT hash. When a user may change his
password by MS-CHAP, the new one is stored here.
"""

from trioradius import (
    AccessAccept,
    AccessReject,
    AccessRequest,
    App,
    Cleartext,
    Credential,
    MSCHAPFailure,
    NTHash,
    read_credential,
)
from trioradius.attributes import ReplyMessage, UserName
from trioradius.authentication import Passwords

USERS: dict[str, Credential] = {
    name: read_credential(text)
    for name, text in {
        "alice": "$6$wonder$PSqI07oVPJcynBvmXneCbmCaw5COwNzaHyKXDFexwi4HEHn.wUBVDlzbsyvg9LWzy6W0UuxjhMbyZSmpvy3gH.",
        "bob": "{SSHA}qftEDdy2ZrhmYykExNgBEnPpdlZzYWx0",
        "carol": "{NT}9762ae394bbfdfbf0e682b5c9425bc50",
        "dave": "{CLEARTEXT}through the looking glass",
    }.items()
}
EXPIRED = {"carol"}

app = App(peers={"127.0.0.1": b"testing123"})
passwords = Passwords()


@app.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    user = request[UserName]
    known = USERS.get(user)
    if isinstance(known, Cleartext | NTHash) and (new := request.changed_password(known)):
        USERS[user] = NTHash.of(new.password.decode())
        EXPIRED.discard(user)
        return request.accept()
    # Also for a user whom nobody knows: it takes as long, and the answer is the same.
    if not await passwords.verify(request, known):
        return request.reject()
    if user in EXPIRED:
        return request.reject(ReplyMessage("Your password has expired"), ms_chap_error=MSCHAPFailure.PASSWORD_EXPIRED)
    return request.accept(ReplyMessage(f"Welcome, {user}"))
