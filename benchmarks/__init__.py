"""Load for a running instance, and what it costs. `make bench` runs all; never a test."""
