"""Dictionary files in the format of FreeRADIUS 3 and 4: ATTRIBUTE, VALUE, VENDOR and what stands between them.

    dictionary = read_dictionary("/etc/raddb/dictionary")
    app = App(peers=..., dictionary=dictionary)

This module reads lines and follows $INCLUDE; what each keyword means is in freeradius_keywords.py.
"""

from __future__ import annotations

import os
import pathlib
from typing import Literal

from trioradius.attributes.dictionary import Dictionary
from trioradius.attributes.freeradius_definitions import Definitions
from trioradius.attributes.freeradius_keywords import Reader
from trioradius.errors import DictionaryError


def read_dictionary(
    *paths: str | os.PathLike[str], base: Dictionary | Literal["bundled"] | None = "bundled"
) -> Dictionary:
    """The dictionary in these files and in those that they include.

    Args:
        paths: the files, in the format of FreeRADIUS 3 or 4; a later definition wins.
        base: what the result stands on: by default the bundled dictionary; None for nothing.

    Raises:
        DictionaryError: a file cannot be read or understood; ``file`` and ``line`` say where.
    """
    below = Dictionary.bundled() if base == "bundled" else base
    return read_definitions(*paths, base=below).dictionary(below)


def read_definitions(*paths: str | os.PathLike[str], base: Dictionary | None = None) -> Definitions:
    """Everything that these files define, in their order and repeats included.

    Args:
        paths: the files, in the format of FreeRADIUS 3 or 4.
        base: where a name is looked up that the files use and do not define.

    Raises:
        DictionaryError: a file cannot be read or understood; ``file`` and ``line`` say where.
    """
    reader = Reader(base)
    for path in paths:
        _read_file(reader, pathlib.Path(path), ())
    return reader.finish()


def _read_file(reader: Reader, path: pathlib.Path, including: tuple[pathlib.Path, ...]) -> None:
    try:
        # Only comments and names of values hold other than ASCII; FreeRADIUS does not care which encoding it is.
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DictionaryError(f"cannot be read: {error.strerror}", file=path, line=0) from None
    depth = len(reader.blocks)
    for line, content in enumerate(text.split("\n"), 1):
        words = _words(content)
        if not words:
            continue
        reader.place = path, line
        try:
            if words[0].upper() in ("$INCLUDE", "$INCLUDE-"):
                _include(reader, words, path, including)
            else:
                reader.understand(words)
        except ValueError as error:
            raise DictionaryError(str(error), file=path, line=line) from None
    reader.require_closed(depth)


def _words(content: str) -> list[str]:
    """The words of a line, up to one that starts a comment."""
    words = content.split()
    if "#" in content:
        comment = next((at for at, word in enumerate(words) if word[0] == "#"), len(words))
        return words[:comment]
    return words


def _include(reader: Reader, words: list[str], path: pathlib.Path, including: tuple[pathlib.Path, ...]) -> None:
    if len(words) != 2:
        raise ValueError(f"{words[0]} wants one file name")
    wanted = path.parent / words[1]
    if wanted.resolve() in (*including, path.resolve()):
        raise ValueError(f"{words[1]} includes itself")
    if not wanted.exists():
        if words[0].endswith("-"):
            return
        raise ValueError(f"there is no file {words[1]} to include")
    _read_file(reader, wanted, (*including, path.resolve()))
