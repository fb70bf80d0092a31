"""What tests of the compiler share."""

import pytest

from runbook.sql import classify


@pytest.fixture(autouse=True)
def _no_remembered_sql() -> None:
    """Each test classes its SQL anew, so that none passes on what another one found."""
    classify.cache_clear()
