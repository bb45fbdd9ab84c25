"""The parent's side of image cleaning: one short-lived child process per image.

Decoders of photographs have a long history of memory bugs; here they only ever see hostile bytes in a
process without files, network or secrets.
"""

import subprocess
import sys
from dataclasses import dataclass

from portal.attachments.kinds import Kind

JPEG_START = b"\xff\xd8\xff"


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Pixels that are decoded at most, long edge of the result, seconds of the child."""

    pixels: int
    edge_pixels: int
    seconds: int


def clean_image(content: bytes, limits: ImageLimits) -> tuple[Kind, bytes] | None:
    """Re-encode an image without its metadata (place, telephone, date), upright.

    Blocks for the time of the child process: call it from a thread.

    Returns:
        The kind and bytes of the new image, or None when CONTENT cannot be decoded within the limits.
    """
    command = [
        sys.executable,
        "-I",
        "-m",
        "portal.attachments.image_child",
        str(limits.pixels),
        str(limits.edge_pixels),
        str(limits.seconds),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, numbers as arguments
            command,
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.seconds,
            check=False,
            env={},
            close_fds=True,
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0 or not done.stdout:
        return None
    return (Kind.JPEG if done.stdout.startswith(JPEG_START) else Kind.PNG), done.stdout
