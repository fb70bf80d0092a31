"""The runbook's TimescaleDB steps on a real one (S15; hazard 23)."""

from bot.domain.health import Reading, Status
from bot.targets.steps import StepResult
from tests.rig import eventually
from tests.systems.conftest import TargetOf
from tests.systems.health import line
from tests.systems.servers.timescale import Timescale
from tests.systems.steps import output, run

_TABLE = """
create table if not exists ticks (at timestamptz not null, price float);
select create_hypertable('ticks', 'at', if_not_exists => true);
insert into ticks select now() - n * interval '1 day', n from generate_series(1, 30) n;
"""


async def test_the_corrected_query_gives_the_sizes_of_the_hypertables(
    timescale: Timescale, target: TargetOf
) -> None:
    """Hazard 23: with the columns' real names the hypertable and its size come back."""
    timescale.execute(_TABLE)
    reached = target(database_url=timescale.url)

    async def sizes() -> StepResult | None:
        result = await run(reached, "timescale.sizes")
        return None if "closed the connection" in output(result) else result

    result = await eventually(sizes)
    assert result.ok, result
    ((name, size),) = result.parts[0].rows
    assert name == "ticks"
    assert int(size) > 0


async def test_the_probe_names_hypertables_and_their_sizes(timescale: Timescale, target: TargetOf) -> None:
    """The line of a real TimescaleDB: its version, hypertables, chunks, sizes; no failed job."""
    timescale.execute(_TABLE)
    reached = target(database_url=timescale.url)

    async def found() -> Reading | None:
        reading = await line(reached, "timescale")
        return None if "closed the connection" in reading.value else reading

    reading = await eventually(found)
    assert reading.status is Status.OK, reading
    assert "1 hypertable in 5 chunks" in reading.value or "1 hypertable in 6 chunks" in reading.value, reading
    assert "public.ticks with " in reading.value
    assert reading.number > 0
