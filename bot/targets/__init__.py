"""The systems under care: how steps and probes reach them, here or (another `Runner`) over SSH."""

from bot.targets.answers import ExecAnswer, HttpAnswer, SqlAnswer
from bot.targets.redact import redact
from bot.targets.settings import TargetSettings
from bot.targets.target import Target

__all__ = ["ExecAnswer", "HttpAnswer", "SqlAnswer", "Target", "TargetSettings", "redact"]
