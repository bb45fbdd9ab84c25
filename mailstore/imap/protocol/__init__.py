"""The IMAP protocol as values: bytes in, events out. Nothing here does input or output."""
