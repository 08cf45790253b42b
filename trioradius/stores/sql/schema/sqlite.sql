-- The tables of FreeRADIUS 3.2 for SQLite: the same columns, types and index names, so that either server, and reports
-- written for one, work on the database of the other. Times are seconds since 1970. Indexes that FreeRADIUS has for
-- reports alone are left out: each costs every record a write.

CREATE TABLE IF NOT EXISTS radacct (
    radacctid           INTEGER PRIMARY KEY AUTOINCREMENT,
    acctsessionid       varchar(64) NOT NULL DEFAULT '',
    acctuniqueid        varchar(32) NOT NULL DEFAULT '',
    username            varchar(64) NOT NULL DEFAULT '',
    realm               varchar(64) DEFAULT '',
    nasipaddress        varchar(15) NOT NULL DEFAULT '',
    nasportid           varchar(32) DEFAULT NULL,
    nasporttype         varchar(32) DEFAULT NULL,
    acctstarttime       datetime DEFAULT NULL,
    acctupdatetime      datetime DEFAULT NULL,
    acctstoptime        datetime DEFAULT NULL,
    acctinterval        int(12) DEFAULT NULL,
    acctsessiontime     int(12) DEFAULT NULL,
    acctauthentic       varchar(32) DEFAULT NULL,
    connectinfo_start   varchar(128) DEFAULT NULL,
    connectinfo_stop    varchar(128) DEFAULT NULL,
    acctinputoctets     bigint(20) DEFAULT NULL,
    acctoutputoctets    bigint(20) DEFAULT NULL,
    calledstationid     varchar(50) NOT NULL DEFAULT '',
    callingstationid    varchar(50) NOT NULL DEFAULT '',
    acctterminatecause  varchar(32) NOT NULL DEFAULT '',
    servicetype         varchar(32) DEFAULT NULL,
    framedprotocol      varchar(32) DEFAULT NULL,
    framedipaddress     varchar(15) NOT NULL DEFAULT '',
    framedipv6address   varchar(45) NOT NULL DEFAULT '',
    framedipv6prefix    varchar(45) NOT NULL DEFAULT '',
    framedinterfaceid   varchar(44) NOT NULL DEFAULT '',
    delegatedipv6prefix varchar(45) NOT NULL DEFAULT '',
    class               varchar(64) DEFAULT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS acctuniqueid ON radacct (acctuniqueid);
CREATE INDEX IF NOT EXISTS username ON radacct (username);
CREATE INDEX IF NOT EXISTS framedipaddress ON radacct (framedipaddress);
CREATE INDEX IF NOT EXISTS acctstarttime ON radacct (acctstarttime);
CREATE INDEX IF NOT EXISTS radacct_bulk_close ON radacct (nasipaddress, acctstarttime) WHERE acctstoptime IS NULL;
CREATE INDEX IF NOT EXISTS radacct_open_user ON radacct (username) WHERE acctstoptime IS NULL;

CREATE TABLE IF NOT EXISTS radcheck (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    username  varchar(64) NOT NULL DEFAULT '',
    attribute varchar(64) NOT NULL DEFAULT '',
    op        char(2) NOT NULL DEFAULT '==',
    value     varchar(253) NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS check_username ON radcheck (username);

CREATE TABLE IF NOT EXISTS radreply (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    username  varchar(64) NOT NULL DEFAULT '',
    attribute varchar(64) NOT NULL DEFAULT '',
    op        char(2) NOT NULL DEFAULT '=',
    value     varchar(253) NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS reply_username ON radreply (username);

CREATE TABLE IF NOT EXISTS radgroupcheck (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    groupname varchar(64) NOT NULL DEFAULT '',
    attribute varchar(64) NOT NULL DEFAULT '',
    op        char(2) NOT NULL DEFAULT '==',
    value     varchar(253) NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS check_groupname ON radgroupcheck (groupname);

CREATE TABLE IF NOT EXISTS radgroupreply (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    groupname varchar(64) NOT NULL DEFAULT '',
    attribute varchar(64) NOT NULL DEFAULT '',
    op        char(2) NOT NULL DEFAULT '=',
    value     varchar(253) NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS reply_groupname ON radgroupreply (groupname);

CREATE TABLE IF NOT EXISTS radusergroup (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    username  varchar(64) NOT NULL DEFAULT '',
    groupname varchar(64) NOT NULL DEFAULT '',
    priority  int(11) NOT NULL DEFAULT '1'
);
CREATE INDEX IF NOT EXISTS usergroup_username ON radusergroup (username);

CREATE TABLE IF NOT EXISTS radpostauth (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    username varchar(64) NOT NULL DEFAULT '',
    pass     varchar(64) NOT NULL DEFAULT '',
    reply    varchar(32) NOT NULL DEFAULT '',
    authdate timestamp NOT NULL,
    class    varchar(64) DEFAULT NULL
);
CREATE INDEX IF NOT EXISTS radpostauth_username ON radpostauth (username);
CREATE INDEX IF NOT EXISTS radpostauth_class ON radpostauth (class);

CREATE TABLE IF NOT EXISTS nas (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    nasname     varchar(128) NOT NULL,
    shortname   varchar(32),
    type        varchar(30) DEFAULT 'other',
    ports       int(5),
    secret      varchar(60) DEFAULT 'secret' NOT NULL,
    server      varchar(64),
    community   varchar(50),
    description varchar(200) DEFAULT 'RADIUS Client'
);
CREATE INDEX IF NOT EXISTS nasname ON nas (nasname);

CREATE TABLE IF NOT EXISTS nasreload (
    nasipaddress varchar(15) PRIMARY KEY,
    reloadtime   datetime NOT NULL
);

CREATE TABLE IF NOT EXISTS trioradius_schema (version INTEGER NOT NULL);
