"""TLS of every HTTP client of this process."""

import functools
import ssl

import httpx


@functools.cache
def context() -> ssl.SSLContext:
    """Checks certificates against the usual authorities, or those of SSL_CERT_FILE or SSL_CERT_DIR.

    One for all: to read the authorities takes 20 ms.
    """
    return httpx.create_ssl_context()
