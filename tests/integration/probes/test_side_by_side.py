"""What is asked together: once where once is enough, and nothing waits for what it need not."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.domain.health import Reading, Status
from bot.errors import UnreachableError
from bot.probes import Context, Probe, containers, redis
from bot.probes.examine import examine_all
from bot.probes.probe import Options
from bot.targets import Target
from tests.integration.probes.conftest import Handler, Serve, TargetOf, http_answer

Write = Callable[[str, str], Path]


def counted(answer: Handler, count: list[int]) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count.append(1)
        await answer(reader, writer)

    return handle


async def test_who_asks_the_same_meanwhile_is_answered_by_the_same_request(
    target: TargetOf, serve: Serve
) -> None:
    """Two probes that look at one address at the same moment ask it once; a later look asks again."""
    count: list[int] = []
    url = f"http://127.0.0.1:{await serve(counted(http_answer('200 OK', b'well'), count))}/health"
    asked = target()
    both = await asyncio.gather(asked.glance(url, deadline=5), asked.glance(url, deadline=5))
    assert [answer.text for answer in both] == ["well", "well"]
    assert len(count) == 1
    await asked.glance(url, deadline=5)
    assert len(count) == 2


async def test_who_gives_up_takes_the_answer_from_nobody(target: TargetOf, serve: Serve) -> None:
    """One of two who wait is cancelled: the other gets the answer; when both are, the request is ended."""
    free, left = asyncio.Event(), asyncio.Event()

    async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        waiting = asyncio.create_task(reader.read())
        freed = asyncio.create_task(free.wait())
        done, _ = await asyncio.wait({waiting, freed}, return_when=asyncio.FIRST_COMPLETED)
        freed.cancel()
        if waiting in done:
            left.set()
        else:
            waiting.cancel()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nwell")

    url, asked = f"http://127.0.0.1:{await serve(patient)}/", target()
    one = asyncio.create_task(asked.glance(url, deadline=30))
    other = asyncio.create_task(asked.glance(url, deadline=30))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.wait({one})
    free.set()
    assert (await other).text == "well"
    free.clear()
    with pytest.raises(UnreachableError, match="timed out"):
        await asked.glance(url, deadline=0.2)
    await asyncio.wait_for(left.wait(), 20)


async def test_a_slow_redis_is_waited_for_once(target: TargetOf, serve: Serve) -> None:
    """PING, INFO and SLOWLOG are asked side by side: a Redis that answers none before all three have come is read."""
    arrived, words = asyncio.Barrier(3), {b"PING": b"+PONG", b"INFO": b"+used_memory:1", b"SLOWLOG": b"*0"}

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read(1000)
        await arrived.wait()
        writer.write(next(answer for word, answer in words.items() if word in said) + b"\r\n")
        await reader.read()

    reached = target(redis_url=f"redis://127.0.0.1:{await serve(slow)}")
    look = await redis.measure(reached, 20, {})
    assert look.answer in {True, "PONG"}
    assert not look.refused


async def test_known_containers_are_inspected_beside_the_list(
    target: TargetOf, programs: Write, path: str, tmp_path: Path
) -> None:
    """From the second look on `docker inspect` does not wait for `docker ps`, and a container that is new is seen."""
    old, new = "a" * 64, "b" * 64
    (tmp_path / "ids").write_text(f"{old}\n")
    programs(
        "docker",
        f"""cd {tmp_path}
if [ "$1" = inspect ]; then
  touch inspected; shift 5
  for id; do echo "/c-$id|running|0|false|0|"; done
else
  [ ! -e together ] || while [ ! -e inspected ]; do sleep 0.01; done
  cat ids
fi""",
    )
    reached = target(path=path)
    await containers.measure(reached, 20, {})
    (tmp_path / "inspected").unlink()
    (tmp_path / "together").touch()
    found = await containers.measure(reached, 20, {})
    assert [c.name for c in found] == [f"c-{old}"]
    (tmp_path / "ids").write_text(f"{old}\n{new}\n")
    found = await containers.measure(reached, 20, {})
    assert [c.name for c in found] == [f"c-{old}", f"c-{new}"]


async def test_programs_begin_once_questions_over_the_network_are_on_their_way(target: TargetOf) -> None:
    """A probe that starts programs begins after the others have asked, and does not wait for their answers."""
    order: list[str] = []
    ran = asyncio.Event()

    async def network(_target: Target, _deadline: float, _options: Options) -> str:
        for _ in range(3):  # turns of the loop: connecting, sending
            await asyncio.sleep(0)
        order.append("asked")
        await ran.wait()
        return "answered"

    async def program(_target: Target, _deadline: float, _options: Options) -> str:
        order.append("program")
        ran.set()
        return "ran"

    def probe(
        system: str, measure: Callable[[Target, float, Options], object], *, programs: bool
    ) -> Probe[str]:
        def read(measured: str, _context: Context) -> tuple[Reading, ...]:
            return (Reading(system, Status.OK, measured, "well"),)

        return Probe(system, measure, read, "", "", "", "", "", "", programs=programs)  # type: ignore[arg-type]

    probes = {"p": probe("P", program, programs=True), "n": probe("N", network, programs=False)}
    report = await examine_all(probes, target(), Context(), deadline=20)
    assert order == ["asked", "program"]
    assert [r.value for r in report.readings] == ["ran", "answered"]
