"""RADIUS without I/O: octets to packets and back, and the proofs that go with them."""
