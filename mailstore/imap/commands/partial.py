"""PARTIAL: a page of a result, counted from its beginning or, with negative numbers, from its end.

Source: RFC 9394 §3.
"""

from collections.abc import Sequence

Page = tuple[int, int]


def slice_of(found: Sequence[int], page: Page) -> Sequence[int]:
    """Return the places FIRST to LAST of a result, both included, 1 the first and -1 the last; order is kept."""
    low, high = sorted(map(abs, page))
    if page[0] > 0:
        return found[low - 1 : high]
    count = len(found)
    return found[max(count - high, 0) : max(count - low + 1, 0)]
