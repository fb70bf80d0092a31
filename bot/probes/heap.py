"""The trading API's own memory: Node's heap against its limit."""

from bot.domain.health import Reading, Status
from bot.probes import answers
from bot.probes.api import address
from bot.probes.judging import USUAL, Bounds, Finding, above, line, size
from bot.probes.probe import Context, Options, Probe
from bot.targets import HttpAnswer, Target

SYSTEM = "API memory"
_HINT = "A heap at its limit ends in a crash and a restart: see “High Memory Usage” in the runbook."


async def measure(target: Target, deadline: float, _options: Options) -> HttpAnswer:
    return await target.http("GET", address(target, "/api/metrics/memory"), deadline=deadline)


def read(answer: HttpAnswer, context: Context) -> tuple[Reading, ...]:
    """One line: heap used of its limit; without a limit, what is used."""
    warning, critical = context.options["warning"], context.options["critical"]
    body = answers.table(answer, "the API")
    used, limit = answers.figure(body, "heapUsed", "heap_used"), answers.figure(body, "heapLimit", "heap_limit")
    rss = answers.figure(body, "rss") or 0.0
    bounds = Bounds(f"≤ {warning:g} % of the heap's limit", f"> {critical:g} %")
    if used is None:
        return (line(SYSTEM, [Finding(Status.UNKNOWN, "the API does not say how much heap it uses")], bounds),)
    if not limit:
        found = Finding(Status.OK, f"heap {size(used)}, process {size(rss)}; it names no limit")
        return (line(SYSTEM, [found], bounds, number=used, unit="bytes"),)
    share = 100.0 * used / limit
    says = f"heap {share:.0f} % of its limit ({size(used)} of {size(limit)}), process {size(rss)}"
    found = Finding(above(share, warning, critical), says, _HINT)
    return (line(SYSTEM, [found], bounds, number=round(share, 1), unit="%"),)


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`GET /api/metrics/memory`: Node's heap",
    normal="≤ 80 % of the heap's limit",
    warning="> 80 %",
    critical="> 95 %",
    source=USUAL,
    hint="The trading API's own line says whether it runs; its token is under [target].",
    failing=Status.WARNING,
    options={"warning": 80.0, "critical": 95.0},
)
