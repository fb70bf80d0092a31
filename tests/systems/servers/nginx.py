"""A real nginx: configurations to test, and a server with a status page."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.systems.daemon import Daemon, Place, free_port, listens, program

_CONFIG = """
pid {home}/nginx.pid;
error_log {home}/error.log;
worker_processes 1;
events {{ worker_connections 32; }}
http {{
    access_log {home}/access.log combined;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location = /nginx_status {{ stub_status; }}
        {extra}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    config: Path
    port: int
    home: Path
    daemon: Daemon | None = None

    @property
    def status_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/nginx_status"

    def test(self) -> subprocess.CompletedProcess[str]:
        """`nginx -t` as root."""
        argv = [program("nginx"), "-t", "-q", "-c", str(self.config)]
        return subprocess.run(argv, capture_output=True, text=True, check=False)


def configured(place: Place, extra: str = "") -> Nginx:
    """A configuration, with more lines for its server, that nobody runs."""
    home, port = place.make("nginx"), free_port()
    config = home / "nginx.conf"
    config.write_text(_CONFIG.format(home=home, port=port, extra=extra))
    return Nginx(config, port, home)


def start(place: Place, extra: str = "") -> Nginx:
    made = configured(place, extra)
    daemon = place.start(
        ["nginx", "-c", str(made.config), "-g", "daemon off;"], name="nginx", ready=lambda: listens(made.port)
    )
    return Nginx(made.config, made.port, made.home, daemon)
