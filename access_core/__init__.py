"""Identities, decisions, consent, accounts and trace: who may do what, and the record of it."""
