"""Hypothesis profiles: the usual one, and `fuzz` for `make fuzz`, twenty times as many examples."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fuzz", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
