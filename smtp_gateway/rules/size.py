"""Size: what MAIL declares is checked at once, what arrives is counted (RFC 1870 §6)."""

from smtp_gateway.replies import Refusal


def check_declared_size(size: str | None, max_bytes: int) -> Refusal | None:
    """Check the SIZE parameter; "0" and absence declare nothing."""
    if size is None or not size.isdigit() or len(size) > 20:
        return Refusal.SYNTAX
    return Refusal.TOO_LARGE if int(size) > max_bytes else None
