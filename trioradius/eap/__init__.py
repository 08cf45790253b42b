"""EAP as state machines, without I/O (RFC 3748): octets in, steps out. What awaits is authentication.py."""
