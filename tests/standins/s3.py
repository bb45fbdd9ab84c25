"""A real S3 server (SeaweedFS), private to the test run, with its data in a temporary folder."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

from tests.standins.ports import free_port, wait_for_port

BUCKET = "vaguemestre"
START_S = 60
SERVICES = ("master", "volume", "filer", "s3")


@contextlib.contextmanager
def start_s3() -> Iterator[str]:
    """Start a server on free ports of the loopback interface and yield the URL of an empty bucket."""
    folder = Path(tempfile.mkdtemp(prefix="vaguemestre-s3-"))
    ports = {name: free_port() for name in (*SERVICES, *(f"{name}.grpc" for name in SERVICES))}
    command = [
        str(Path(sys.executable).parent / "weed"),
        "server",
        "-ip=127.0.0.1",
        f"-dir={folder}",
        *(f"-{name}.port={ports[name]}" for name in SERVICES),
        *(f"-{name}.port.grpc={ports[name + '.grpc']}" for name in SERVICES),
        "-filer",
        "-s3",
        "-volume.max=20",
        "-master.volumeSizeLimitMB=64",
        "-volume.preStopSeconds=0",
        "-master.telemetry=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        wait_for_port(ports["s3"], timeout_s=START_S)
        endpoint = f"http://127.0.0.1:{ports['s3']}"
        _create_bucket(endpoint)
        yield f"s3://{BUCKET}/test?endpoint={endpoint}"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _create_bucket(endpoint: str) -> None:
    """Create the bucket and put an object in it; the server answers errors for a moment after it starts."""
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")
    for path in (BUCKET, f"{BUCKET}/ready"):
        _put(f"{endpoint}/{path}")


def _put(url: str) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            urlopen(Request(url, data=b"", method="PUT"), timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
