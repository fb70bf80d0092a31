"""Which variables may be set in front of a command: those that cannot change what it does."""

import re

from runbook.shell import Var, Word

_HARMLESS = frozenset(
    """
    TZ LANG LANGUAGE NO_COLOR COLUMNS LINES TERM PGCONNECT_TIMEOUT PGHOST PGPORT PGUSER PGDATABASE PGSSLMODE PGPASSWORD
    PGAPPNAME MYSQL_PWD REDISCLI_AUTH ETCDCTL_API ETCDCTL_ENDPOINTS AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION
    AWS_DEFAULT_OUTPUT KUBE_CONTEXT NAMESPACE LOKI_ADDR CLOUDSDK_CORE_PROJECT COMPOSE_PROJECT_NAME
    """.split()  # noqa: SIM905
)
_SECRET_NAME = re.compile(
    r"(?i)token|secret|passw|_pass$|^pass$|pwd|credential|api_?key|private|_key$|^key$|_dsn$|(?:database|redis|mongo\w*)_ur[il]"
)
_LOCALE = re.compile(r"LC_[A-Z]+")


def problem_with(env: tuple[tuple[str, Word], ...]) -> str:
    """Why a command with these assignments is not proved; empty when they are harmless."""
    for name, given in env:
        if name not in _HARMLESS and not _LOCALE.fullmatch(name):
            return f"setting {name} may change what the command does"
        if given.glob or given.tilde:
            return f"the value of {name} needs a shell"
    return ""


def secret_in(given: Word) -> str:
    """The variable in a word whose name says that it holds a secret, as written; empty when there is none.

    As a name, an address or a file it would be shown in the answer, or sent to wherever the word points.
    """
    return next((p.shown for p in given.parts if isinstance(p, Var) and _SECRET_NAME.search(p.name)), "")
