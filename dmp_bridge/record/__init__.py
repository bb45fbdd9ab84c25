"""The embedded health record: registry of entries, repository of sealed contents, door for portal and CLI."""
