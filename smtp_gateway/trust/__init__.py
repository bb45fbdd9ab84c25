"""The trust space: who is listed, and with which certificate."""
