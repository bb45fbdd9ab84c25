"""Messages to the health record: read what a mail carries (XDM, CDA), decide, file, keep (XDS)."""
