"""A look at the certificate of an https endpoint, whether it is trusted or not."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from datetime import datetime

from bot.errors import RejectedError, ServerError
from bot.targets import trouble
from bot.targets.http import origin
from bot.targets.line import Line


@dataclass(frozen=True, slots=True)
class Certificate:
    """Until when it is good, and whose word it is."""

    until: datetime
    issuer: str


async def look(url: str, *, deadline: float, line: Line | None = None) -> Certificate:
    """Shake hands without judging, for an expired one is to be read too; nothing else is sent."""
    scheme, host, port = origin(url)
    if scheme not in {"https", "wss"}:
        raise RejectedError(f"not a usable address: {url} has no certificate", code="url")
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(deadline):
            writer = await _greet(host, port, trusting, line)
    except TimeoutError:
        raise trouble.timed_out(deadline) from None
    except OSError as error:
        raise trouble.from_network(error, f"{host}:{port}") from error
    try:
        return read(writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b"")
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _greet(host: str, port: int, trusting: ssl.SSLContext, line: Line | None) -> asyncio.StreamWriter:
    """Shake hands from here, or from the target."""
    if line is None:
        _, writer = await asyncio.open_connection(host, port, ssl=trusting, server_hostname=host)
        return writer
    async with line.door(host, port) as door:
        _, writer = await asyncio.open_unix_connection(door.path, ssl=trusting, server_hostname=host)
        return writer


def read(der: bytes) -> Certificate:
    """What matters of a certificate; raises ServerError when it is none."""
    from cryptography import x509  # a tenth of a second, which a bot without https endpoints does not spend

    try:
        found = x509.load_der_x509_certificate(der)
    except ValueError:
        raise ServerError("TLS: the endpoint shows something that is not a certificate") from None
    names = found.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return Certificate(found.not_valid_after_utc, str(names[0].value) if names else "")
