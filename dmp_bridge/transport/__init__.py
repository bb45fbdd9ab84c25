"""SOAP 1.2 with attachments and the proof of who calls: bytes to values and back, no I/O."""
