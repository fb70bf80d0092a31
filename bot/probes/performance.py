"""How the trading API performs: its own 95th percentile, and the strategy's figures of the Sharpe alert."""

from bot.domain.health import Reading, Status
from bot.probes import answers
from bot.probes import baseline as judged
from bot.probes.api import DEFAULT, METRIC, address
from bot.probes.judging import Bounds, Finding, line
from bot.probes.probe import Context, Options, Probe
from bot.targets import HttpAnswer, Target

LATENCY, STRATEGY = "API response time (p95)", "Trading performance"
_TRIGGER = "the runbook's alert on Sharpe ratio and drawdown"
_SLOW = "The runbook's entry “High API Latency” has the first steps."
_LOSING = (
    "The runbook's entry “Negative Sharpe Ratio with Drawdown” has the steps; trading can be disabled there."
)


async def measure(target: Target, deadline: float, _options: Options) -> HttpAnswer:
    return await target.http("GET", address(target, "/api/metrics/performance"), deadline=deadline)


def read(answer: HttpAnswer, context: Context) -> tuple[Reading, ...]:
    """Two lines; a figure that the API does not give is said to be missing."""
    body = answers.table(answer, "the API")
    return (_latency(body, context), _strategy(body, context))


def _latency(body: dict[str, object], context: Context) -> Reading:
    seconds = answers.figure(body, "http_request_duration_p95_seconds", "http_request_duration_p95")
    verdict = judged.duration(METRIC, seconds or 0.0, context.baseline, DEFAULT)
    if seconds is None:
        missing = Finding(
            Status.UNKNOWN, "the API gives no 95th percentile", "`/api/metrics/performance` should."
        )
        return line(LATENCY, [missing], verdict.bounds)
    found = Finding(verdict.status, f"{seconds * 1000:.0f} ms", _SLOW)
    return line(LATENCY, [found], verdict.bounds, number=round(seconds * 1000, 1), unit="ms")


def _strategy(body: dict[str, object], context: Context) -> Reading:
    sharpe = answers.figure(body, "sharpe_ratio", "trading_sharpe_ratio")
    drawdown = answers.figure(body, "equity_curve_drawdown_percent", "equity_curve_drawdown")
    limit: float = context.options["drawdown"]
    found = _losing(sharpe, drawdown, limit)
    kept = (("Drawdown", drawdown),) if drawdown is not None else ()
    bounds = Bounds(
        f"Sharpe ratio ≥ 0, drawdown ≤ {limit:g} %", f"Sharpe ratio < 0 and drawdown > {limit:g} %", _TRIGGER
    )
    return line(STRATEGY, [found], bounds, number=sharpe, figures=kept)


def _losing(sharpe: float | None, drawdown: float | None, limit: float) -> Finding:
    if sharpe is None or drawdown is None:
        return Finding(
            Status.UNKNOWN, "the API gives no Sharpe ratio or no drawdown", "Look at Prometheus instead."
        )
    says = f"Sharpe ratio {sharpe:.2f}, drawdown {drawdown:.1f} %"
    bad = (sharpe < 0) + (drawdown > limit)
    return Finding((Status.OK, Status.WARNING, Status.CRITICAL)[bad], says, _LOSING)


PROBE = Probe(
    "Trading performance",
    measure,
    read,
    asks="`GET /api/metrics/performance`: 95th percentile, Sharpe ratio, drawdown",
    normal="< 500 ms; Sharpe ratio ≥ 0, drawdown ≤ 5 %",
    warning="500 ms and more; Sharpe ratio < 0, or drawdown > 5 %",
    critical="> 2 s; Sharpe ratio < 0 and drawdown > 5 %",
    source=f"{judged.SOURCE}; {_TRIGGER}",
    hint="The trading API's own line says whether it runs; its token is under [target].",
    failing=Status.WARNING,
    options={"drawdown": 5.0},
)
