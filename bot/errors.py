"""Every error that the bot raises on purpose.

    AtsError
    ├── ConfigError            a setting is missing or wrong; said at start, never later
    │   └── AbsentError        no setting says where that system is, so it is taken not to be there
    ├── InputError             what a person typed or pressed cannot be done as it stands
    │   ├── NotFoundError      no such incident, step or entry
    │   └── ForbiddenError     the person lacks a role; names the role needed
    ├── TemporaryError         worth trying again (retryable)
    │   ├── UnreachableError   refused, timed out, DNS, TLS
    │   ├── RateLimitedError   told to wait; carries retry_after in seconds
    │   └── ServerError        the far side answered with its own failure
    └── PermanentError         trying again would not help
        ├── UnauthorizedError  a token is missing, wrong, or lacks a right
        └── RejectedError      the far side understood and refused

The text of each instance is a full sentence for a person: what happened, what it means, what to do.
The first line of a class's docstring is its default text.
"""

from typing import ClassVar


class AtsError(Exception):
    """Something went wrong in ats-bot."""

    retryable: ClassVar[bool] = False
    begun = False  # whether what was asked may have happened all the same: the line was lost after it began

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class ConfigError(AtsError):
    """A setting is missing or wrong."""


class AbsentError(ConfigError):
    """The settings name no such system."""


class InputError(AtsError):
    """That cannot be done as it was asked."""


class NotFoundError(InputError):
    """There is no such thing."""


class ForbiddenError(InputError):
    """You do not have the role that this needs."""


class TemporaryError(AtsError):
    """It failed for now; trying again may help."""

    retryable: ClassVar[bool] = True


class UnreachableError(TemporaryError):
    """The far side could not be reached."""


class RateLimitedError(TemporaryError):
    """The far side asks to be called less often."""

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after  # seconds


class ServerError(TemporaryError):
    """The far side failed."""


class PermanentError(AtsError):
    """It failed, and trying again would not help."""


class UnauthorizedError(PermanentError):
    """A token is missing, wrong, or lacks a right."""


class RejectedError(PermanentError):
    """The far side refused the request."""

    def __init__(self, message: str | None = None, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code  # the far side's own error code, e.g. "not_in_channel" or "1001"
