"""PagerDuty's error answers: a status and {"error": {"message", "code", "errors"}}."""

from typing import Any


class ApiError(Exception):
    """A request that the API refuses."""

    def __init__(self, status: int, code: int, message: str, errors: list[str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    @property
    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {"message": self.message, "code": self.code}
        return {"error": error | ({"errors": self.errors} if self.errors else {})}


def already_resolved() -> ApiError:
    return ApiError(400, 1001, "Incident Already Resolved", ["Incident Already Resolved"])


def already_acknowledged() -> ApiError:
    return ApiError(400, 1002, "Incident Already Acknowledged", ["Incident Already Acknowledged"])


def requester_not_found() -> ApiError:
    return ApiError(400, 1008, "Requester User Not Found")


def invalid_input(*errors: str) -> ApiError:
    return ApiError(400, 2001, "Invalid Input Provided", list(errors))


def bad_dates(*errors: str) -> ApiError:
    return ApiError(400, 2004, "Invalid 'Since' Or 'Until' Parameter Values", list(errors))


def unauthorized() -> ApiError:
    return ApiError(401, 2006, "Authentication failed")


def access_denied() -> ApiError:
    return ApiError(403, 2010, "Access Denied")


def ability_missing(ability: str) -> ApiError:
    return ApiError(402, 2012, "Account does not have the abilities to perform the action", [ability])


def not_found() -> ApiError:
    return ApiError(404, 2100, "Not Found")


def throttled() -> ApiError:
    return ApiError(429, 2020, "Rate Limit Exceeded")
