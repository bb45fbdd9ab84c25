"""Hypothesis profiles: the usual one, and `fuzz` for `make fuzz`, three times as many examples a run (`fuzz.py`)."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fuzz", max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
