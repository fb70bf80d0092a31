"""Names of settings: one that does not exist is an error, with the nearest that does. Pure."""

import difflib
import types
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

_NEAR = 0.8  # how alike two names are before one is taken for the other


def wrong(model: type[BaseModel], errors: Sequence[Any]) -> list[str]:
    """A line for each of pydantic's errors."""
    return [_line(model, error) for error in errors]


def _line(model: type[BaseModel], error: Any) -> str:
    where = ".".join(map(str, error["loc"]))
    if error["type"] != "extra_forbidden":
        return f"  {where}: {error['msg']}"
    return f"  {where}: there is no such setting{_nearest(str(error['loc'][-1]), _fields(model, error['loc'][:-1]))}"


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"


def _fields(model: type[BaseModel], path: Sequence[Any]) -> list[str]:
    """The names of the settings in a table of tables."""
    for name in path:
        field = model.model_fields.get(str(name))
        inner = next(_models(field.annotation), None) if field is not None else None
        model = inner or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The model in `Model`, `Model | None` or `list[Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in {list, Union, types.UnionType}:
        for inner in get_args(annotation):
            yield from _models(inner)


def unknown_in_file(names: Collection[str], known: Collection[str]) -> list[str]:
    """A line for each top-level name of the settings file that does not exist."""
    return [f"  {name}: there is no such setting{_nearest(name, known)}" for name in names if name not in known]


def misspelt(environment: Collection[str], known: Collection[str], others: Collection[str]) -> list[str]:
    """A line for each variable that is nearly a setting; others that begin with ATS_ may be anybody's."""
    odd = [n for n in environment if n.startswith("ATS_") and "__" not in n and n not in {*known, *others}]
    near = [(n, difflib.get_close_matches(n, known, n=1, cutoff=_NEAR)) for n in odd]
    return [f"  {name}: there is no such setting; did you mean {found[0]}?" for name, found in near if found]


def secret_values(model: BaseModel) -> list[str]:
    """Every secret in a tree of settings."""
    found: list[str] = []
    for value in dict(model).values():
        if isinstance(value, SecretStr):
            found.append(value.get_secret_value())
        elif isinstance(value, BaseModel):
            found += secret_values(value)
    return [value for value in found if value]
