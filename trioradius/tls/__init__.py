"""TLS and DTLS without I/O: one engine on memory BIOs for the transports and for EAP."""
