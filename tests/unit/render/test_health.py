"""The health report."""

from bot.domain.health import HealthReport, Reading, Status
from bot.render import health_message

from .checks import shown, taken
from .samples import NOW

OK = Reading("API", Status.OK, "200 in 35 ms", "< 500 ms")
FULL = Reading("Disk /var", Status.CRITICAL, "93 % used (1.2 GB free)", "< 85 %", "See `du -sh /var/log/*`")
WARM = Reading("CPU", Status.WARNING, "78 %", "< 70 %", "Look for a runaway process.")
DOWN = Reading("Redis", Status.UNKNOWN, "no answer within 2 s", "answers PONG")


def test_the_worst_comes_first() -> None:
    """Critical, warning, unknown, then what is well, whatever the order given."""
    text = shown(taken(health_message(HealthReport((OK, DOWN, WARM, FULL), 2.04), now=NOW)))
    order = [text.index(name) for name in ("*Disk /var*", "*CPU*", "*Redis*", "*API*")]
    assert order == sorted(order)
    assert text.startswith("🛑 Health: something is critical")
    assert "in 2.0 s" in text


def test_every_line_says_what_is_normal() -> None:
    """A value without its normal range tells nothing at 3 a.m."""
    text = shown(taken(health_message(HealthReport((OK, FULL), 1.0), now=NOW)))
    assert (
        "*🛑 Critical* · *Disk /var*: 93 % used (1.2 GB free)\nNormal: &lt; 85 %\n→ See `du -sh /var/log/*`"
        in text
    )
    assert "• *API*: 200 in 35 ms _(normal: &lt; 500 ms)_" in text


def test_an_unknown_normal_is_said() -> None:
    """A baseline that the runbook lacks is named as lacking."""
    odd = Reading("Queue", Status.OK, "3", "")
    assert "normal: not stated in the runbook" in shown(health_message(HealthReport((odd,), 1.0), now=NOW))


def test_the_fallback_names_what_is_wrong() -> None:
    """The notification alone says what is wrong and how much is well."""
    made = health_message(HealthReport((OK, DOWN, FULL), 1.0), now=NOW)
    assert made.text == (
        "Health is critical. Disk /var: 93 % used (1.2 GB free); Redis: no answer within 2 s. "
        "1 of 3 checks are OK."
    )
    assert health_message(HealthReport((OK,), 1.0), now=NOW).text == "Health: all is well (1 check)."


def test_nothing_checked_is_not_well() -> None:
    """An empty report does not say that all is well."""
    made = taken(health_message(HealthReport((), 0.0), now=NOW))
    assert "nothing was checked" in shown(made)
    assert made.text == "Health: nothing was checked."


def test_fifty_critical_readings_fit() -> None:
    """A report of fifty bad readings is one message; the first ones are whole."""
    bad = tuple(Reading(f"Disk {i}", Status.CRITICAL, "9" * 200, "n" * 90, "h" * 300) for i in range(50))
    made = taken(health_message(HealthReport((*bad, OK), 1.0), now=NOW))
    assert "*Disk 0*: " + "9" * 200 in shown(made)
