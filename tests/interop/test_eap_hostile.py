"""Hostile supplicants: what eapol_test can be told to try, and must not get in by, or not as somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.tls.pki import PKI
from trioradius import AccessAccept, AccessRequest, App, Cleartext, Credential, Hashed, NTHash
from trioradius.authentication import EAP, EAPGTC, EAPMD5, EAPTLS, EAPTTLS, PEAP, EAPMSCHAPv2, Identity

from .eapol import SECRET, EapolTest, Run
from .serving import serving

KNOWN: Final[Mapping[str, Credential]] = {
    "alice": Cleartext("wonderland"),
    "blank": Cleartext(""),
    "blank hash": NTHash.of(""),
    "hashed": Hashed("{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
}
"""The last one is of an empty password, too."""
VERSIONS: Final = pytest.mark.parametrize("version", ["1.2", "1.3"])


class Server:
    """Every method, with all that is optional left open, and whom it has let in."""

    def __init__(self, pki: PKI) -> None:
        ours = pki.settings("server", crl=pki.folder / "crl.pem")
        tls = EAPTLS(ours)
        inner = (EAPMSCHAPv2(), EAPGTC(), EAPMD5(), tls)
        choices: dict[str, Any] = {"client_certificate": "optional", "resumption": True}
        self.eap = EAP([tls, PEAP(ours, *inner, **choices), EAPTTLS(ours, *inner, **choices), *inner[:3]])
        self.app: App[None] = App({"127.0.0.1": SECRET}, reject_delay=0)
        self.let_in: list[Identity] = []

        @self.app.on(AccessRequest)
        async def authenticate(request: AccessRequest) -> AccessAccept:
            self.let_in.append(await self.eap.authenticate(request, KNOWN.get))
            return request.accept()


async def tried(eapol_test: EapolTest, pki: PKI, version: str, *options: str, **network: str) -> tuple[Run, Server]:
    server = Server(pki)
    trusting = {"ca_cert": f'"{pki.folder}/ca.pem"', "phase1": f'"tls_disable_tlsv1_3={int(version == "1.2")}"'}
    async with serving(server.app) as [address]:
        return await eapol_test(address, trusting | network, *options), server


def certificate(pki: PKI, stem: str, suffix: str = "") -> dict[str, str]:
    return {
        f"client_cert{suffix}": f'"{pki.folder}/{stem}.pem"',
        f"private_key{suffix}": f'"{pki.folder}/{stem}.key"',
    }


@VERSIONS
@pytest.mark.parametrize("user", ["blank", "blank hash", "hashed", "alice"])
@pytest.mark.parametrize(
    ("eap", "phase2"),
    [
        ("TTLS", "auth=PAP"),
        ("TTLS", "auth=MSCHAP"),
        ("TTLS", "auth=MSCHAPV2"),
        ("TTLS", "autheap=MSCHAPV2"),
        ("PEAP", "auth=MSCHAPV2"),
    ],
)
async def test_an_empty_password(
    eapol_test: EapolTest, pki: PKI, version: str, user: str, eap: str, phase2: str
) -> None:
    """Not for a user of whom no other is known, either."""
    run, server = await tried(
        eapol_test, pki, version, eap=eap, identity=f'"{user}"', password='""', phase2=f'"{phase2}"'
    )
    assert run.rejected and not server.let_in, run.text


@VERSIONS
@pytest.mark.parametrize("eap", ["PEAP", "TTLS"])
async def test_a_certificate_of_the_machine_is_no_proof_of_a_user(
    eapol_test: EapolTest, pki: PKI, version: str, eap: str
) -> None:
    run, server = await tried(
        eapol_test,
        pki,
        version,
        eap=eap,
        identity='"alice"',
        password='"wonderlamp"',
        phase2='"auth=MSCHAPV2"',
        **certificate(pki, "client"),
    )
    assert run.rejected and not server.let_in, run.text


@VERSIONS
@pytest.mark.parametrize("stem", ["revoked", "stranger", "selfsigned", "expired", "server"])
@pytest.mark.parametrize("eap", ["PEAP", "TTLS", "TLS"])
async def test_a_bad_certificate_keeps_out_who_knows_the_password(
    eapol_test: EapolTest, pki: PKI, version: str, eap: str, stem: str
) -> None:
    """It need not be shown; shown, it has to be good."""
    run, server = await tried(
        eapol_test,
        pki,
        version,
        eap=eap,
        identity='"alice"',
        password='"wonderland"',
        phase2='"auth=MSCHAPV2"',
        **certificate(pki, stem),
    )
    assert not run.succeeded and not server.let_in, run.text
    assert "code=2 (Access-Accept)" not in run.text


@VERSIONS
@pytest.mark.parametrize("eap", ["PEAP", "TTLS"])
async def test_the_name_outside_is_nobody_s(eapol_test: EapolTest, pki: PKI, version: str, eap: str) -> None:
    """Whoever calls himself somebody else in the clear is in as himself."""
    run, server = await tried(
        eapol_test,
        pki,
        version,
        eap=eap,
        identity='"alice"',
        anonymous_identity='"director"',
        password='"wonderland"',
        phase2='"auth=MSCHAPV2"',
    )
    assert run.succeeded, run.text
    assert [(found.user, found.outer) for found in server.let_in] == [("alice", "director")]


@VERSIONS
@pytest.mark.parametrize("eap", ["PEAP", "TTLS"])
async def test_a_failed_session_is_not_resumed_into_a_success(
    eapol_test: EapolTest, pki: PKI, version: str, eap: str
) -> None:
    run, server = await tried(
        eapol_test,
        pki,
        version,
        "-r2",
        eap=eap,
        identity='"alice"',
        password='"wonderlamp"',
        phase2='"auth=MSCHAPV2"',
    )
    assert not run.succeeded and not server.let_in, run.text


@VERSIONS
@pytest.mark.parametrize("stem", ["revoked", "stranger"])
async def test_eap_tls_within_peap_wants_a_good_certificate(
    eapol_test: EapolTest, pki: PKI, version: str, stem: str
) -> None:
    run, server = await tried(
        eapol_test,
        pki,
        version,
        eap="PEAP",
        identity='"alice"',
        phase2='"auth=TLS"',
        ca_cert2=f'"{pki.folder}/ca.pem"',
        **certificate(pki, stem, "2"),
    )
    assert not run.succeeded and not server.let_in, run.text
