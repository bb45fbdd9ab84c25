"""The floor: what every package stands on; no word of the domain here."""
