"""MIME without I/O: index a message once, as its bytes pass; decode parts and words when they are read."""
