"""IMAP: the door is `service.ImapService`; the protocol core is in `protocol/`."""
