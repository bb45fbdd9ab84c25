"""CDA R2 documents (CI-SIS Structuration minimale): header reader, body, level 1 writer. No I/O."""
