"""FileLearned: what "auto" learned about each NAS, in a file, so that a restart does not forget it."""

from __future__ import annotations

import json
import logging
import os
import pathlib
from collections.abc import Iterator, MutableMapping

from trioradius.errors import ConfigurationError

log = logging.getLogger("trioradius.stores")


class FileLearned(MutableMapping[str, bool]):
    """A mapping kept in a JSON file; it is written when something new is learned, about once in a NAS's life.

    Raises:
        ConfigurationError: the file is there but cannot be read, or is not such a mapping.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = pathlib.Path(path)
        self._learned = _read(self._path) if self._path.exists() else {}

    def __getitem__(self, key: str) -> bool:
        return self._learned[key]

    def __setitem__(self, key: str, value: bool) -> None:
        if self._learned.get(key) is not value:
            self._learned[key] = value
            self._write()

    def __delitem__(self, key: str) -> None:
        del self._learned[key]
        self._write()

    def __iter__(self) -> Iterator[str]:
        return iter(self._learned)

    def __len__(self) -> int:
        return len(self._learned)

    def _write(self) -> None:
        """Replace the file in one step, so that a crash leaves the old one or the new one.

        A disk that is full must not cost the packet that was learned from.
        """
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            beside.write_text(json.dumps(self._learned, indent=1, sort_keys=True) + "\n")
            beside.replace(self._path)
        except OSError as error:
            log.error("%s cannot be written, and what was learned is lost at the next start: %s", self._path, error)


def _read(path: pathlib.Path) -> dict[str, bool]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: {error}; delete the file to learn anew") from None
    if not isinstance(found, dict) or not all(isinstance(value, bool) for value in found.values()):
        raise ConfigurationError(f"{path} does not hold what was learned about peers; delete it to learn anew")
    return found
