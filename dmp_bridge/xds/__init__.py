"""XDS metadata: value types, ebRIM 3.0 reader and writer, and the mapping from a CDA header. No I/O."""
