"""SASL mechanisms (RFC 4422), one a file, without I/O: bytes of the client in; challenges and questions out."""
