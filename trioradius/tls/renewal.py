"""Renewal: the context of a client's next connection, made anew where a file of its settings has changed."""

from __future__ import annotations

import logging
import pathlib

from trioradius.errors import ConfigurationError
from trioradius.tls.context import Context, client_context
from trioradius.tls.settings import TLSSettings

log = logging.getLogger("trioradius.tls")


class ClientContext:
    """A client's context, which follows its files: certificate, key, authorities and revocation lists.

    Raises:
        ConfigurationError: a file or a setting cannot work.
    """

    def __init__(self, settings: TLSSettings, *, datagrams: bool = False) -> None:
        self._settings = settings
        self._seen = _stamps(settings)
        self._context = client_context(settings, datagrams=datagrams)

    def current(self) -> Context:
        """The context for a connection that is made now; the one before where the files cannot work together.

        That may be so for a moment, while somebody replaces them one after the other.
        """
        stamps = _stamps(self._settings)
        if stamps != self._seen:
            try:
                self._context = self._context.reload()
            except ConfigurationError as error:
                log.error("the certificates stay as they were: %s", error)
            else:
                self._seen = stamps
                log.info("certificates read again")
        return self._context


def _stamps(settings: TLSSettings) -> list[object]:
    """What tells that a file is another one than before."""
    files = [file for file in (settings.certificate, settings.key) if file is not None]
    return [_stamp(file) for file in (*files, *settings.ca, *settings.crl)]


def _stamp(file: pathlib.Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
