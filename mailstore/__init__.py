"""Messages at rest: sealed, indexed, delivered, and read by IMAP. The door is `mailstore.store`."""
