"""Header blocks: split into the few fields that the index needs, unfolded, tolerant to any bytes.

The first field of a name counts, except for lists of addresses, which are joined (RFC 5322 §3.6 allows one only).
"""

ADDRESS_LISTS = frozenset({b"to", b"cc", b"bcc"})
WANTED = frozenset(
    b"date subject from sender reply-to to cc bcc in-reply-to message-id references content-type "
    b"content-transfer-encoding content-disposition content-id content-description content-md5 "
    b"content-language content-location".split()
)
Fields = dict[bytes, bytes]


def parse_fields(block: bytes) -> Fields:
    """Return the wanted fields of a header block: name in lower case, value unfolded, without outer blanks."""
    text = block.replace(b"\r\n", b"\n")
    if b"\n " in text:
        text = text.replace(b"\n ", b" ")
    if b"\n\t" in text:
        text = text.replace(b"\n\t", b" ")
    fields: Fields = {}
    for line in text.split(b"\n"):
        name, colon, value = line.partition(b":")
        name = name.lower().rstrip()
        if name not in WANTED or not colon:
            continue
        if name not in fields:
            fields[name] = value.strip()
        elif name in ADDRESS_LISTS:
            fields[name] += b", " + value.strip()
    return fields


def blank_line_end(data: bytes | bytearray, start: int) -> int:
    """Return the offset just after the blank line that ends the header block at START, -1 when there is none yet."""
    if data.startswith(b"\n", start):
        return start + 1
    if data.startswith(b"\r\n", start):
        return start + 2
    pair = data.find(b"\n\r\n", start)
    lone = data.find(b"\n\n", start, pair + 2 if pair >= 0 else len(data))
    if lone >= 0:
        return lone + 2
    return pair + 3 if pair >= 0 else -1
