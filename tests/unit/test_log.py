"""Logging: secrets never reach it."""

import logging

import pytest
import structlog

from bot import log


@pytest.fixture(autouse=True)
def _restore() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "secret",
    ["s3cr3t-value", "xoxb-1-abcdef", "xapp-1-A-2", "postgresql://bob:hunter22@db/x", "Bearer abcdefghijkl"],
)
@pytest.mark.parametrize("fmt", ["json", "console"])
def test_secrets_are_replaced_wherever_they_stand(
    secret: str, fmt: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the event, a field, a nested value, an exception: known values and whatever looks like a token."""
    log.configure(level="INFO", fmt=fmt, secrets=["s3cr3t-value", "hunter22"])
    logger = structlog.get_logger("test")
    try:
        int(f"failed with {secret}")
    except ValueError:
        event = f"saw {secret}"
        logger.exception(event, field=secret, nested={"a": [secret]})
    logging.getLogger("other").warning("from the standard library: %s", secret)
    shown = capsys.readouterr().err
    assert "saw" in shown
    assert "standard library" in shown
    for part in (secret, "hunter22", "s3cr3t-value"):
        assert part not in shown
