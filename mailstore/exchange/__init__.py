"""Mailboxes in and out: mbox, Maildir, another IMAP server."""
