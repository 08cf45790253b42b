"""RedisDedupStore: duplicate detection for several servers behind one address (RFC 5080 section 2.2.2).

What this server answered itself it knows from its own memory, which is asked first. Redis is asked for the rest, in
one step that nobody comes between. Where it cannot be asked, memory alone decides: a server that answers on its own
is worth more than one that waits.

A key in Redis is a hash of where a request came from and its Identifier. Its value starts with the state: in flight,
which is a lease with the owner's token, or answered. The Request Authenticator follows, so that a new request under
an old Identifier takes the earlier one's place.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

import attrs
import trio

from trioradius.errors import ConfigurationError
from trioradius.stores.duplicates import MemoryDedupStore

if TYPE_CHECKING:
    from coredis.connection import BaseConnection
    from coredis.pool import ConnectionPool

    Pool: TypeAlias = ConnectionPool[Any]

log = logging.getLogger("trioradius.stores")

AGAIN_SECONDS: Final = 1.0
"""Between two attempts to reach a Redis that is away."""
CONNECT_SECONDS: Final = 3.0
"""How long one attempt may take; no packet waits for it."""

_AUTHENTICATOR: Final = 16
_STATE: Final = 1
_IN_FLIGHT, _ANSWERED = b"?", b"="
_DIGEST: Final = 16

_BEGIN: Final = b"""
local kept = redis.call('GET', KEYS[1])
if kept and string.sub(kept, 2, 17) == string.sub(ARGV[1], 2, 17) then return kept end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
"""
"""The value that is there for this very request; otherwise our mark takes the place, and nothing comes back."""
_FINISH: Final = b"""
local kept = redis.call('GET', KEYS[1])
if kept and kept ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
"""The reply in place of our own mark, or of nothing; a mark or reply of somebody else stays."""


def _name(script: bytes) -> str:
    """What Redis calls a script that it has run before."""
    return hashlib.sha1(script, usedforsecurity=False).hexdigest()


_NAMES: Final = {script: _name(script) for script in (_BEGIN, _FINISH)}


@attrs.frozen(eq=False)
class _Open:
    """A connection to a Redis that has run the scripts, and what says that it is lost."""

    connection: BaseConnection
    lost: trio.Event = attrs.field(factory=trio.Event)

    async def run(self, command: bytes, script: bytes | str, key: bytes, *arguments: bytes | int) -> object:
        """What a script gives. Whatever is asked at once travels in one pipeline, and nothing is sent twice."""
        return await self.connection.create_request(command, script, 1, key, *arguments, decode=False)


class RedisDedupStore:
    """Replies in Redis, so that every server that shares it gives a repeat the same octets.

    Open it for as long as the app is served: ``async with store.connected(): yield`` in a lifespan. Before that, and
    whenever Redis is away, duplicates are known to this server alone; the log says so once, and once when it is back.

    Args:
        url: ``redis://HOST:PORT/DATABASE``, ``rediss://...`` for TLS, or ``unix:///PATH``.
        username: of Redis's access list.
        password: in no log and no repr.
        ttl: seconds that a reply lives; RFC 5080 allows 5 to 30.
        lease: seconds that a request may be in flight; should its server die, a repeat is handled anew after that.
            Longer than ``Limits(handler_seconds=...)`` and the reject delay together.
        deadline: seconds that a packet waits for Redis at most, once before and once after its handler.
        prefix: before every key, for a Redis that others use too.
        octets: the bound on this server's own memory of replies.
        clock: seconds, monotonic, for that memory.

    Raises:
        ConfigurationError: a URL, time or bound that cannot work.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        ttl: float = 5,
        lease: float = 45,
        deadline: float = 0.2,
        prefix: str = "trioradius:",
        octets: int = 256 << 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = _place(url)
        if lease <= 0 or deadline <= 0:
            raise ConfigurationError("RedisDedupStore wants a positive lease and a positive deadline")
        self._url = url
        self._username, self._password = username, password
        self._memory = MemoryDedupStore(ttl=ttl, octets=octets, clock=clock)
        self._ttl, self._lease = round(ttl * 1000) or 1, round(lease * 1000) or 1
        self._deadline = deadline
        self._prefix = prefix.encode()
        self._open: _Open | None = None
        self._marks: dict[bytes, bytes] = {}
        self._faults: tuple[type[Exception], ...] = ()
        self._why = ""

    def __repr__(self) -> str:
        return f"RedisDedupStore({self._place!r})"

    @property
    def is_away(self) -> bool:
        """Whether memory alone decides just now."""
        return self._open is None

    async def begin(self, key: bytes) -> bytes | bool:
        """As DedupStore."""
        known = await self._memory.begin(key)
        if known is not True:
            return known
        self._marks[key] = mark = _IN_FLIGHT + key[-_AUTHENTICATOR:] + secrets.token_bytes(8)
        try:
            kept = await self._ask(_BEGIN, key, mark, self._lease)
        except BaseException:
            # Cancelled, though the mark may stand in Redis already: nobody will answer, so it must not stay.
            with trio.CancelScope(shield=True):
                await self.finish(key, None)
            raise
        if not isinstance(kept, bytes):
            return True
        del self._marks[key]
        reply = kept[_STATE + _AUTHENTICATOR :] if kept.startswith(_ANSWERED) else None
        await self._memory.finish(key, reply)
        return False if reply is None else reply

    async def finish(self, key: bytes, reply: bytes | None) -> None:
        """As DedupStore."""
        await self._memory.finish(key, reply)
        value = b"" if reply is None else _ANSWERED + key[-_AUTHENTICATOR:] + reply
        await self._ask(_FINISH, key, self._marks.pop(key, b""), value, self._ttl)

    async def _ask(self, script: bytes, key: bytes, *arguments: bytes | int) -> object:
        """What a script gives; None where Redis is away, or does not answer in time."""
        opened = self._open
        if opened is None:
            return None
        redis_key = self._prefix + hashlib.blake2b(key[:-_AUTHENTICATOR], digest_size=_DIGEST).digest()
        with trio.move_on_after(self._deadline) as scope:
            try:
                return await opened.run(b"EVALSHA", _NAMES[script], redis_key, *arguments)
            except self._faults as error:
                self._lose(opened, _text(error))
        if scope.cancelled_caught:
            self._lose(opened, f"no answer within {self._deadline:g} s")
        return None

    def _lose(self, opened: _Open, why: str) -> None:
        """From now on memory decides; the task that keeps the connection opens another."""
        if self._open is opened:
            self._open = None
            self._why = why
            opened.lost.set()

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """The connection's life: it is opened with the block, kept up within it, and closed with it.

        A Redis that is away when the block begins keeps nobody from starting.

        Raises:
            ConfigurationError: coredis is not installed, or cannot work with the URL.
        """
        make = self._maker()
        tried = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_up, make, tried)
            await tried.wait()
            try:
                yield
            finally:
                self._open = None
                nursery.cancel_scope.cancel()

    def _maker(self) -> Callable[[], Pool]:
        """What makes a pool of one connection. Imported here, since that takes 0.4 s, and coredis is an extra."""
        try:
            import anyio
            from coredis.exceptions import RedisError
            from coredis.pool import ConnectionPool
        except ImportError:
            raise ConfigurationError(
                "RedisDedupStore needs coredis; install it as pip install 'trioradius[redis]'"
            ) from None
        # It tells of every vain attempt with a traceback; we say once that Redis is away.
        logging.getLogger("coredis").addFilter(_is_no_vain_attempt)
        self._faults = (RedisError, OSError, anyio.ClosedResourceError, anyio.BrokenResourceError)

        def make() -> Pool:
            return ConnectionPool.from_url(
                self._url,
                username=self._username,
                password=self._password,
                decode_components=True,
                max_connections=1,
            )

        try:
            make()
        except (ValueError, TypeError, OSError, RuntimeError) as error:
            raise ConfigurationError(f"Redis at {self._place}: {error}") from None
        return make

    async def _keep_up(self, make: Callable[[], Pool], tried: trio.Event) -> None:
        """Open the connection, again and again where it is lost; ``tried`` says that the first attempt is over."""
        is_said = False
        while True:
            async with make() as pool:
                opened = await self._try(pool)
                if opened is not None:
                    if is_said:
                        log.warning("Redis at %s is back", self._place)
                    is_said, self._open = False, opened
                    tried.set()
                    await opened.lost.wait()
            if not is_said:
                is_said = True
                log.warning(
                    "Redis at %s is away, so duplicates are known to this server alone: %s", self._place, self._why
                )
            tried.set()
            await trio.sleep(AGAIN_SECONDS)

    async def _try(self, pool: Pool) -> _Open | None:
        """A connection on which the scripts were run, since a Redis that refuses to write is as good as away."""
        probe, mark = self._prefix + b"probe " + os.urandom(8), _IN_FLIGHT + bytes(_AUTHENTICATOR)
        with trio.move_on_after(CONNECT_SECONDS):
            try:
                opened = _Open(await pool.get_connection())
                await opened.run(b"EVAL", _BEGIN, probe, mark, self._ttl)
                await opened.run(b"EVAL", _FINISH, probe, mark, b"", self._ttl)
                return opened
            except self._faults as error:
                self._why = _text(error)
                return None
        self._why = f"no answer within {CONNECT_SECONDS:g} s"
        return None


def _is_no_vain_attempt(record: logging.LogRecord) -> bool:
    return record.msg != "Connection attempt failed unexpectedly!"


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


def _place(url: str) -> str:
    """A Redis as a log may show it. Raises ConfigurationError."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme == "unix" and parts.path:
            return parts.path
        if parts.scheme in ("redis", "rediss") and parts.hostname:
            return f"{parts.hostname}:{parts.port or 6379}"
    raise ConfigurationError("RedisDedupStore wants redis://HOST:PORT/DATABASE, rediss://... or unix:///PATH")
