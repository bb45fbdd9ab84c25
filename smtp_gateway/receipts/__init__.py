"""Receipts: what comes back for a message that was sent, and what our patients' space and the bridge send back."""
