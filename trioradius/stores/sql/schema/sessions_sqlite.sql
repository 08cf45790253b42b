-- Logins that were let in and whose session has not begun, and pools of addresses. Times are seconds since 1970;
-- ``after`` is the radacctid that was the last one at that time, so that what came later can be told from it.

CREATE TABLE IF NOT EXISTS trioradius_login (
    username text NOT NULL,
    place    text NOT NULL,
    expires  bigint NOT NULL,
    after    bigint NOT NULL,
    PRIMARY KEY (username, place)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS trioradius_network (
    network text NOT NULL PRIMARY KEY,
    pool    text NOT NULL,
    kind    text NOT NULL
);

CREATE TABLE IF NOT EXISTS trioradius_address (
    address  text NOT NULL PRIMARY KEY,
    number   bigint NOT NULL DEFAULT 0,
    network  text NOT NULL,
    pool     text NOT NULL,
    kind     text NOT NULL,
    state    text NOT NULL DEFAULT 'free',
    username text NOT NULL DEFAULT '',
    place    text NOT NULL DEFAULT '',
    moment   bigint NOT NULL DEFAULT 0,
    after    bigint NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS trioradius_address_pool ON trioradius_address (pool, kind, state, moment, number, address);
CREATE INDEX IF NOT EXISTS trioradius_address_username ON trioradius_address (username);

CREATE INDEX IF NOT EXISTS radacct_open_address ON radacct (framedipaddress)
    WHERE acctstoptime IS NULL AND framedipaddress <> '';
CREATE INDEX IF NOT EXISTS radacct_open_prefix ON radacct (framedipv6prefix)
    WHERE acctstoptime IS NULL AND framedipv6prefix <> '';
CREATE INDEX IF NOT EXISTS radacct_open_ipv6 ON radacct (framedipv6address)
    WHERE acctstoptime IS NULL AND framedipv6address <> '';
CREATE INDEX IF NOT EXISTS radacct_open_delegated ON radacct (delegatedipv6prefix)
    WHERE acctstoptime IS NULL AND delegatedipv6prefix <> '';

-- Where a NAS takes CoA and Disconnect, which FreeRADIUS has no column for; NULL is 3799.
ALTER TABLE nas ADD COLUMN coaport int(5);
