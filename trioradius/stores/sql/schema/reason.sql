-- Why a login was refused, which FreeRADIUS has no column for; it names the columns it writes, and minds no other.
ALTER TABLE radpostauth ADD COLUMN reason text;
