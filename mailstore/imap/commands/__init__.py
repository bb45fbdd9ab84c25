"""What the server does for each command: one file a family.

A handler takes the session and the command. It returns an `Outcome` at once, None when it waits for more from
the client, or an awaitable of either when it needs the store.
"""
