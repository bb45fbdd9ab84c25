"""Finding a sequence by its rare octet gives what `bytes.find` gives, in short and in long data."""

from hypothesis import given
from hypothesis import strategies as st

from vaguemestre.kernel.octets import SHORT_BYTES, TRIES, find_by_octet

PIECES = st.lists(st.sampled_from([b"\r\n", b".", b"-", b"--", b"\r\n.\r\n", b"\n--", b"x", b"\r", b"\n"]), max_size=40)
SOUGHT = st.sampled_from([(b"\r\n.\r\n", 2), (b"\r\n.", 2), (b"\n--", 1)])


@given(head=PIECES, filling=st.integers(0, 2 * SHORT_BYTES), tail=PIECES, sought=SOUGHT, start=st.integers(0, 30))
def test_it_finds_what_find_finds(
    head: list[bytes], filling: int, tail: list[bytes], sought: tuple[bytes, int], start: int
) -> None:
    data = b"".join((*head, b"A" * filling, *tail))

    assert find_by_octet(data, sought[0], sought[1], start) == data.find(sought[0], start)


@given(many=st.integers(TRIES - 2, 3 * TRIES), sought=SOUGHT, there=st.booleans())
def test_many_octets_of_its_kind_hide_nothing(many: int, sought: tuple[bytes, int], there: bool) -> None:
    sequence, at = sought
    octet = sequence[at : at + 1]
    data = (octet + b"A") * many + b"A" * SHORT_BYTES + (sequence if there else b"") + b"A"

    assert find_by_octet(data, sequence, at) == data.find(sequence)
