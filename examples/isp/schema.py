"""The provider's own tables, beside FreeRADIUS's (nas, radacct, radpostauth), which trioradius makes.

Rates are text in kilobits a second, ``2000k``; the program writes that form, and reads ``2M`` and ``1.5M`` as well, so
that a panel may write what it likes. 0 is no limit everywhere. A subscriber's ``expiry_date`` is his last day, as
2027-01-31.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from trioradius import ConfigurationError
from trioradius.errors import StoreRefused
from trioradius.stores.sql import Connection, Database
from trioradius.stores.sql.database import POSTGRES_SCHEMES

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS isp_reseller (
    name   text PRIMARY KEY,
    active integer NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
);

CREATE TABLE IF NOT EXISTS isp_plan (
    name            text PRIMARY KEY,
    rate_up         text NOT NULL DEFAULT '0',
    rate_down       text NOT NULL DEFAULT '0',
    burst           text NOT NULL DEFAULT '',
    policy          text NOT NULL,
    quota_octets    bigint NOT NULL DEFAULT 0 CHECK (quota_octets >= 0),
    session_seconds bigint NOT NULL DEFAULT 0 CHECK (session_seconds >= 0),
    sessions        integer NOT NULL DEFAULT 1 CHECK (sessions >= 0),
    pool            text NOT NULL DEFAULT '',
    ipv6_pool       text NOT NULL DEFAULT '',
    delegated_pool  text NOT NULL DEFAULT ''
);

CREATE TABLE IF NOT EXISTS isp_tier (
    plan        text NOT NULL REFERENCES isp_plan (name),
    number      integer NOT NULL CHECK (number > 0),
    from_octets bigint NOT NULL CHECK (from_octets > 0),
    rate_up     text NOT NULL DEFAULT '0',
    rate_down   text NOT NULL DEFAULT '0',
    policy      text NOT NULL,
    PRIMARY KEY (plan, number)
);

CREATE TABLE IF NOT EXISTS isp_subscriber (
    id               {serial},
    name             text NOT NULL UNIQUE,
    password         text NOT NULL,
    plan             text NOT NULL REFERENCES isp_plan (name),
    reseller         text REFERENCES isp_reseller (name),
    active           integer NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    expiry_date      text,
    address          text NOT NULL DEFAULT '',
    ipv6_prefix      text NOT NULL DEFAULT '',
    delegated_prefix text NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS isp_subscriber_active ON isp_subscriber (id) WHERE active = 1;
CREATE UNIQUE INDEX IF NOT EXISTS isp_subscriber_address ON isp_subscriber (address) WHERE address <> '';
CREATE UNIQUE INDEX IF NOT EXISTS isp_subscriber_ipv6 ON isp_subscriber (ipv6_prefix) WHERE ipv6_prefix <> '';
CREATE UNIQUE INDEX IF NOT EXISTS isp_subscriber_delegated ON isp_subscriber (delegated_prefix)
    WHERE delegated_prefix <> '';

CREATE TABLE IF NOT EXISTS isp_licence (
    only_row    integer PRIMARY KEY DEFAULT 1 CHECK (only_row = 1),
    subscribers integer NOT NULL CHECK (subscribers >= 0)
);

CREATE TABLE IF NOT EXISTS isp_rate_in_force (
    acctuniqueid text PRIMARY KEY,
    rate         text NOT NULL
);
"""
_SERIAL: Final = {"sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT", "postgresql": "bigserial PRIMARY KEY"}
_LOCK: Final = "isp:schema"
_NO_TABLES: Final = "there are no tables of a provider in {}; init makes them, and ISP_DATABASE says where they are"


async def prepare(database: Database) -> None:
    """Create the tables where they are missing."""

    def create(connection: Connection) -> None:
        connection.run_script(_TABLES.format(serial=_SERIAL[connection.dialect]))

    await database.transaction(create, locks=[_LOCK])


async def require(database: Database) -> None:
    """Find that the tables are there. Raises ConfigurationError."""
    try:
        await database.rows("SELECT 1 FROM isp_licence")
    except StoreRefused:
        raise ConfigurationError(_NO_TABLES.format("this database")) from None


def require_file(where: str) -> None:
    """Find that a SQLite file is there, lest a mistyped name make a new one. Raises ConfigurationError."""
    if not where.startswith(POSTGRES_SCHEMES) and not Path(where).exists():
        raise ConfigurationError(_NO_TABLES.format(where))
