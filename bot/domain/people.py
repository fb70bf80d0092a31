"""A person, as far as they are known."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who did something; any part may be unknown."""

    slack_id: str = ""
    name: str = ""
    pd_id: str = ""
    group_id: str = ""  # a Slack user group, when the person is not known

    def __bool__(self) -> bool:
        return bool(self.slack_id or self.name or self.pd_id or self.group_id)

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> "Who":
        known = value or {}
        return cls(**{key: str(known.get(key) or "") for key in ("slack_id", "name", "pd_id", "group_id")})


NOBODY = Who()
