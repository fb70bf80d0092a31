"""Text from outside as it can be kept: PostgreSQL takes neither NUL nor half a surrogate pair; JSON carries both."""

import re
from typing import Any, Final

_UNKEPT: Final = re.compile("[\x00\ud800-\udfff]")


def keepable(value: Any) -> Any:
    """The same JSON value with each such character replaced, in keys and texts, however deep."""
    match value:
        case str():
            return _UNKEPT.sub("\ufffd", value)
        case list() | tuple():
            return [keepable(each) for each in value]
        case dict():
            return {keepable(key): keepable(each) for key, each in value.items()}
        case _:
            return value
