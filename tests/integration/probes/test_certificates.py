"""Certificates read from real TLS servers, trusted by nobody."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.domain.health import Status
from bot.errors import ServerError
from bot.probes import Context, examine
from bot.targets import Target, TargetSettings, certificates
from bot.targets.line import Door
from tests.integration.probes.conftest import TargetOf

NOW = datetime(2026, 11, 27, 3, 20, tzinfo=UTC)
Tls = Callable[..., Awaitable[int]]


async def _hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.fixture
async def tls(tmp_path: Path) -> AsyncIterator[Tls]:
    """Start a TLS server whose own certificate is good for so many days more; gives its port."""
    servers: list[asyncio.Server] = []

    async def serve(days: float, socket: Path | None = None) -> int:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "trading.test")])
        until = NOW + timedelta(days=days)
        made = x509.CertificateBuilder(name, name, key.public_key(), 7, until - timedelta(days=90), until)
        pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        plain = serialization.NoEncryption()
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        file = tmp_path / f"{days}.pem"
        file.write_bytes(private + pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        if socket is not None:
            servers.append(await asyncio.start_unix_server(_hang_up, socket, ssl=context))
            return 0
        servers.append(await asyncio.start_server(_hang_up, "127.0.0.1", 0, ssl=context))
        return int(servers[-1].sockets[0].getsockname()[1])

    yield serve
    for server in servers:
        server.close()


async def test_days_left_on_the_line(target: TargetOf, tls: Tls) -> None:
    """One that expires soon, one that has expired and one that is well: each told, though nobody trusts them."""
    ports = {8000: await tls(3), 3000: await tls(-2), 9090: await tls(80)}
    reached = target(rewrites={f"http://localhost:{p}": f"https://127.0.0.1:{q}" for p, q in ports.items()})
    (reading,) = (await examine(reached, Context(now=NOW), only=["certificates"], deadline=30)).readings
    assert reading.status is Status.CRITICAL
    assert f"127.0.0.1:{ports[8000]} expires in 3 days (2026-11-30)" in reading.value
    assert f"127.0.0.1:{ports[3000]} expired 2 days ago" in reading.value
    assert "1 of 3 certificates well" in reading.value


class Forwarded:
    """A line to a far host, whose every door is one socket of this machine."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.asked: list[tuple[str, int]] = []

    @asynccontextmanager
    async def door(self, host: str, port: int, *, tcp: bool = False) -> AsyncIterator[Door]:
        assert not tcp
        self.asked.append((host, port))
        yield Door(str(self._socket), port)


async def test_through_the_targets_own_host(tls: Tls, tmp_path: Path) -> None:
    """With a line to the target, its localhost is asked, not ours."""
    await tls(30, tmp_path / "s")
    line = Forwarded(tmp_path / "s")
    reached = Target(TargetSettings(), line=line)
    found = await reached.certificate("https://localhost:8443", deadline=30)
    await reached.close()
    assert (found.until, found.issuer) == (NOW + timedelta(days=30), "trading.test")
    assert line.asked == [("localhost", 8443)]


def test_no_certificate_at_all() -> None:
    """Bytes that are none are said to be that."""
    with pytest.raises(ServerError, match="not a certificate"):
        certificates.read(b"nonsense")
