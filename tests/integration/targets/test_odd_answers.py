"""Systems that answer with garbage, too much, too slowly or in no known encoding, as a step meets them."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.targets.steps import Outcome, Part, StepResult, run_step
from tests.integration.probes.conftest import Serve, TargetOf, gone, http_answer
from tests.unit.runbook.support import steps_of

Write = Callable[[str, str], Path]


async def ran(target: object, commands: str, deadline: float = 30) -> StepResult:
    (step,) = steps_of(commands)
    return await run_step(target, step, deadline=deadline)  # type: ignore[arg-type]


async def part(target: object, commands: str, deadline: float = 30) -> Part:
    return (await ran(target, commands, deadline)).parts[0]


async def test_odd_bodies(serve: Serve, target: TargetOf) -> None:
    """Binary is not shown, escapes are taken out, invalid UTF-8 is replaced, 10 MB is cut; a secret in it goes."""
    reached = target(secrets=("geheim-123",))

    async def body(given: bytes, *headers: str) -> Part:
        return await part(
            reached, f"curl -sSf http://127.0.0.1:{await serve(http_answer('200 OK', given, *headers))}/status"
        )

    assert (await body(bytes(range(256)) * 40)).output.startswith("(binary, ")
    assert (
        await body(b"\x1b[31mred\x1b[0m \xff caf\xc3\xa9 ge\x1b[0mheim-123")
    ).output == "red � café [redacted]"
    assert (await body(b"ok", "Content-Type: text/plain; charset=nonsense")).output == "ok"
    much = await body(b"x y " * 2_500_000)
    assert much.truncated
    assert len(much.output) < 70_000
    assert much.output.endswith("… the rest left out …")
    cut = await body(b"- " * 32_764 + b"geheim-123 and more")
    assert "gehei" not in cut.output


async def test_a_slow_drip(serve: Serve, target: TargetOf) -> None:
    """Bytes that keep dripping do not move the deadline."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.05)

    result = await ran(target(), f"curl -sSf http://127.0.0.1:{await serve(drip)}/status", deadline=1)
    assert (result.outcome, result.parts[0].error) == (Outcome.FAILED, "timed out after 1 s")


async def test_no_http_and_no_tls(serve: Serve, target: TargetOf) -> None:
    """What does not speak HTTP is broken off; what does not speak TLS is said to be so."""

    async def garbage(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x01 hello\r\n\r\n")
        await writer.drain()

    port = await serve(garbage)
    assert (await part(target(), f"curl -sSf http://127.0.0.1:{port}/status")).error.startswith("broken off: ")
    assert (await part(target(), f"curl -sSf https://127.0.0.1:{port}/status")).error.startswith("TLS: ")
    named = await part(target(), "curl -sSf http://no.such.host.invalid/status")
    assert named.error == "DNS: the name no.such.host.invalid is not known"


async def test_odd_programs(target: TargetOf, programs: Write, path: str, tmp_path: Path) -> None:
    """A program may print 10 MB, binary or escapes; and none of its children is left."""
    programs("uptime", f"sleep 300 & echo $! >'{tmp_path / 'pid'}'; head -c 10000000 /dev/zero | tr '\\0' x")
    programs("df", "head -c 5000 /dev/urandom")
    programs("free", "printf '\\033[2J\\033[31mhot\\033[0m'")
    reached = target(path=path)
    much = await part(reached, "uptime", 60)
    assert much.truncated
    assert len(much.output) < 70_000
    await gone(int((tmp_path / "pid").read_text()))
    assert (await part(reached, "df -h")).output.startswith("(binary, ")
    assert (await part(reached, "free -m")).output == "hot"
