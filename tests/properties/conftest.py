"""Hypothesis profiles: the usual one, and `fuzz` for `make fuzz`, which goes on until it is stopped."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fuzz", max_examples=100_000, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
