"""Passwords: proofs weighed against any credential, the slow hashes in a few threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import trio

from trioradius.errors import Discard
from trioradius.protocol.credentials import Cleartext, Credential, Hashed, Verdict
from trioradius.protocol.hashes import form_of
from trioradius.protocol.packets import AccessRequest
from trioradius.protocol.passwords import NOBODY, no_proof, proof_of, settle, weigh_unknown
from trioradius.protocol.proofs import PAP, Proof
from trioradius.protocol.weigh import weigh

THREADS: Final = 2
"""By default; most slow hashes release the interpreter, so that each thread fills a core."""
SECONDS: Final = 10.0
"""By default, how long a request may wait for its turn and its hash together."""

Known: TypeAlias = str | bytes | Credential | None
"""What is known of a user's password, text and octets being the password itself; None for a user nobody knows."""
Weighing: TypeAlias = Callable[[Proof, Credential], Verdict]


class Passwords:
    """What a handler awaits where a password may be hashed; one object serves a whole app.

    Args:
        limiter: the threads that hashes may use at once; two of its own by default.
        seconds: after which a request is given up, discarded so that the NAS asks again. A hash that has begun keeps
            its thread until it is done.
        like: what the work for an unknown user is modelled on until a hashed password has been seen: an example in
            the form that is stored, ``Hashed("$2b$12$...")``.

    Raises:
        ConfigurationError: ``like`` is of no form that is read here.
    """

    def __init__(
        self,
        *,
        limiter: trio.CapacityLimiter | None = None,
        seconds: float = SECONDS,
        like: Credential = NOBODY,
    ) -> None:
        if isinstance(like, Hashed):
            form_of(like.text)
        self._limiter = limiter or trio.CapacityLimiter(THREADS)
        self._seconds = seconds
        self._like = like

    async def verify(self, request: AccessRequest, known: Known) -> bool:
        """Whether a request proves knowledge of this password, by PAP, CHAP, MS-CHAP or MS-CHAPv2.

        None, where nobody has this name, is False after the same work. accept() and reject() then add what the method
        owes, as after ``request.verify_password``; a credential that cannot serve the method is named in the log.

        Raises:
            ConfigurationError: a hash that cannot be read, or whose library is missing.
            Discard: too many hashes are under way.
        """
        proof = proof_of(request)
        return settle(request, proof, no_proof(request) if proof is None else await self.weigh(proof, known))

    async def weigh(self, proof: Proof, known: Known) -> Verdict:
        """What a proof is worth, wherever it comes from; None stands for an unknown user. Raises as verify() does."""
        if known is None:
            return await self._weigh(weigh_unknown, proof, self._like)
        credential = Cleartext(known) if isinstance(known, str | bytes) else known
        return await self._weigh(weigh, proof, credential)

    async def _weigh(self, weighing: Weighing, proof: Proof, credential: Credential) -> Verdict:
        if isinstance(credential, Hashed) and isinstance(proof, PAP):
            verdict = await self._in_thread(weighing, proof, credential)
            self._like = credential
            return verdict
        return weighing(proof, credential)

    async def _in_thread(self, weighing: Weighing, proof: PAP, hashed: Hashed) -> Verdict:
        """The hash is not waited for when nobody wants its verdict any more; its thread stays counted until it ends."""
        with trio.move_on_after(self._seconds):
            return await trio.to_thread.run_sync(weighing, proof, hashed, abandon_on_cancel=True, limiter=self._limiter)
        raise Discard(
            f"a hashed password was not checked within {self._seconds:g} s; Passwords(limiter=...) allows more threads",
            reason="password_check_overload",
        )
