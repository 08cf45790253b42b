"""Shared secrets from where operators keep them: a file, the environment."""

from __future__ import annotations

import os
import pathlib

from trioradius.errors import ConfigurationError


def secret_from_file(path: str | os.PathLike[str]) -> bytes:
    """The shared secret in a file, without the newline at its end.

    Raises:
        ConfigurationError: the file cannot be read, or is empty.
    """
    try:
        octets = pathlib.Path(path).read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise ConfigurationError(f"the secret file {path} cannot be read: {error.strerror}") from None
    if not octets:
        raise ConfigurationError(f"the secret file {path} is empty")
    return octets


def secret_from_environment(variable: str) -> bytes:
    """The shared secret in an environment variable. Raises ConfigurationError where it is unset or empty."""
    value = os.environ.get(variable, "")
    if not value:
        raise ConfigurationError(f"the environment variable {variable} should hold the shared secret, but is not set")
    return os.fsencode(value)
