"""Directories: who is a professional (national directory), who is a patient (INSi), each with its stand-in here."""
