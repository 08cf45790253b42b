"""eapol_test, run once against our server: wpa_supplicant's EAP and its RADIUS client in one program."""

from __future__ import annotations

import pathlib
import re
import tempfile
from collections.abc import Mapping
from typing import Final

import attrs
import trio

SECRET: Final = "a secret of 24 octets..."

_KEYS: Final = re.compile(r"^MPPE keys OK: (\d+)  mismatch: (\d+)$", re.MULTILINE)


@attrs.frozen
class Run:
    """What one run brought: its exit status, and all that it printed."""

    status: int
    text: str

    @property
    def succeeded(self) -> bool:
        """Access-Accept and EAP-Success came; with keys, unless told that there are none, they were the peer's own."""
        return self.status == 0 and self.text.rstrip().endswith("SUCCESS")

    @property
    def keys(self) -> tuple[int, int]:
        """How many authentications had MS-MPPE keys that fit those of the peer, and how many had others."""
        found = _KEYS.search(self.text)
        assert found, self.text
        return int(found[1]), int(found[2])

    @property
    def rejected(self) -> bool:
        """Access-Reject came, with EAP-Failure in it."""
        return self.status != 0 and "(Access-Reject)" in self.text and "decapsulated EAP packet (code=4" in self.text


@attrs.frozen
class EapolTest:
    """Debian's eapol_test with a private configuration for each run."""

    program: str
    directory: pathlib.Path

    async def __call__(
        self,
        address: tuple[str, int],
        network: Mapping[str, str],
        *options: str,
        secret: str = SECRET,
        timeout: int = 10,
    ) -> Run:
        """Authenticate once, within ``timeout`` seconds.

        ``network`` is a wpa_supplicant network: ``{"eap": "PEAP", "identity": '"alice"', ...}``, quotes included.
        ``options`` are eapol_test's own: -n where a method has no keys, -e to ask for EAP-Key-Name, -r1 to do it twice.
        """
        lines = {"key_mgmt": "WPA-EAP", **network}
        text = "network={\n" + "".join(f"    {name}={value}\n" for name, value in lines.items()) + "}\n"
        host, port = address
        with tempfile.NamedTemporaryFile("w", dir=self.directory, suffix=".conf") as configuration:
            configuration.write(text)
            configuration.flush()
            done = await trio.run_process(
                [
                    self.program,
                    f"-c{configuration.name}",
                    f"-a{host}",
                    f"-p{port}",
                    f"-s{secret}",
                    f"-t{timeout}",
                    *options,
                ],
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
        return Run(done.returncode, (done.stdout + done.stderr).decode(errors="replace"))
