"""A real S3 server (rclone) with the backups' bucket, and the `aws` command line for it."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.systems.daemon import PROGRAMS, Daemon, Place, free_port, listens, program

BUCKET = "ai-trading-backups"
KEY_ID, SECRET = "AKIAATSTEST0000", "s3-s3cret-0123456789"


@dataclass(frozen=True, slots=True)
class S3:
    daemon: Daemon
    port: int
    folder: Path  # what is in it: a directory for each bucket

    @property
    def environment(self) -> dict[str, str]:
        """What the `aws` command needs, as the platform's host has it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def aws(self, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program("aws"), *argv], env={"PATH": PROGRAMS} | self.environment | env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def put(self, key: str, size: int, *, hours_ago: float = 0.0) -> None:
        """An object of that size and age, as if it had been uploaded then."""
        path = self.folder / BUCKET / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0" * size)
        then = time.time() - hours_ago * 3600
        os.utime(path, (then, then))


def start(place: Place) -> S3:
    folder, port = place.make("s3"), free_port()
    for kind in ("postgres", "redis"):
        (folder / BUCKET / kind).mkdir(parents=True)
    daemon = place.start(
        [
            "rclone", "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY_ID},{SECRET}",
            "--config", os.devnull, "--vfs-cache-mode", "off", "--dir-cache-time", "0s", "--poll-interval", "0",
        ],
        name="s3", ready=lambda: listens(port),
    )  # fmt: skip
    return S3(daemon, port, folder)
