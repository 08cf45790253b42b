"""The EAP methods on TLS, as a server runs them: EAP-TLS, EAP-TTLS, PEAP and TEAP, without I/O."""
