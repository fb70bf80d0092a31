"""The one clock of the sandbox: real time plus an offset that a drill or the demo page moves forward."""

from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Timezone-aware UTC time, movable forward.

    Request signatures and token expiry never use it: they are checked against real time on the other side.
    """

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def advance(self, by: timedelta) -> None:
        """Move forward; raises ValueError for a negative duration."""
        if by < timedelta():
            raise ValueError("The clock only moves forward.")
        self.offset += by
