"""MS-CHAP on the command line of a client; never unless it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioradius.attributes.ietf import UserName, UserPassword
from trioradius.cli.group import Mistake
from trioradius.protocol.logins import MSCHAPLogin, ms_chap, ms_chap_v2
from trioradius.protocol.packets import AccessRequest, Request


def by_ms_chap(options: Mapping[str, Any], request: Request[Any]) -> tuple[Request[Any], MSCHAPLogin | None]:
    """The request with its User-Password shown by MS-CHAP where the options ask for that. Raises Mistake."""
    if not (options["ms_chap"] or options["ms_chap_v2"]):
        return request, None
    if options["chap"] or (options["ms_chap"] and options["ms_chap_v2"]):
        raise Mistake("--chap, --ms-chap and --ms-chap-v2 are ways to show one password; give one of them")
    password, name = request.get(UserPassword), request.get(UserName)
    if not isinstance(request, AccessRequest) or password is None or name is None:
        raise Mistake("MS-CHAP wants Access-Request with User-Name and User-Password")
    login = ms_chap_v2(name, password) if options["ms_chap_v2"] else ms_chap(password)
    left = (avp for avp in request.avps if avp.attribute.key != UserPassword.key)
    return AccessRequest(*left, *login.attributes, dictionary=request.dictionary), login
