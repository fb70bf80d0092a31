"""What the columns of several tables are made of."""

from typing import Any

from sqlalchemy import Column, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field


def when(*, nullable: bool = True) -> Any:
    """An instant, with its zone."""
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=nullable))


def json_of(default: Any) -> Any:
    """A JSON document; `default` makes an empty one."""
    return Field(default_factory=default, sa_column=Column(JSONB, nullable=False))
