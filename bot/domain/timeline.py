"""The timeline's hash chain: one chain for each incident, so that a removed or altered row shows."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any


def digest(prev_hash: str, entry: Mapping[str, Any]) -> str:
    """SHA-256 over the previous hash and the entry's fields in a canonical form."""
    canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)
    return hashlib.sha256(f"{prev_hash}\n{canonical}".encode()).hexdigest()


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"{type(value).__name__} cannot be part of a timeline entry")


def broken(rows: Iterable[tuple[int, str, str, Mapping[str, Any]]]) -> list[int]:
    """The ids of rows whose hash or link does not fit; rows are (id, prev_hash, hash, fields) of one incident."""
    wrong, expected = [], ""
    for row_id, prev_hash, hashed, fields in rows:
        if prev_hash != expected or digest(prev_hash, fields) != hashed:
            wrong.append(row_id)
        expected = hashed
    return wrong
