"""Prometheus, Alertmanager and the PostgreSQL exporter, as the platform runs them, only quicker."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.systems.daemon import Daemon, Place, free_port, program


@dataclass(frozen=True, slots=True)
class Server:
    daemon: Daemon
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **params: str) -> Any:
        """The JSON of an answer; any status but 2xx fails."""
        return httpx.get(self.url + path, params=params, trust_env=False).raise_for_status().json()


def prometheus(
    place: Place,
    scrape: Mapping[str, Sequence[str]],
    *,
    rules: Sequence[Mapping[str, Any]] = (),
    alertmanager: str = "",
    history: str = "",
) -> Server:
    """Scrapes these addresses by job every 2 s and evaluates these rules.

    Args:
        scrape: "host:port" by job's name.
        rules: of one group, as Prometheus's rule files have them.
        history: what it knows already, in OpenMetrics' text format with times.
        alertmanager: "host:port" that firing alerts are sent to.
    """
    home, port = place.make("prometheus", user="prometheus"), free_port()
    config: dict[str, Any] = {
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "500ms"},
        "scrape_configs": [_job(name, targets) for name, targets in scrape.items()],
        "rule_files": [str(home / "rules.yml")],
    }
    if alertmanager:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    (home / "rules.yml").write_text(json.dumps({"groups": [{"name": "ats", "rules": list(rules)}]}))
    (home / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    if history:
        (home / "history.om").write_text(history)
        known = [
            program("promtool"),
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            str(home / "history.om"),
            str(home / "data"),
        ]
        subprocess.run(
            known, check=True, capture_output=True, user="prometheus", group="prometheus", extra_groups=[]
        )
    daemon = place.start(
        [
            "prometheus", f"--config.file={home / 'prometheus.yml'}", f"--storage.tsdb.path={home / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--web.enable-lifecycle",
            "--rules.alert.resend-delay=2s",  # what fires before it knows its Alertmanager is lost, and sent again
        ],
        name="prometheus", ready=lambda: _ok(f"http://127.0.0.1:{port}/-/ready"), user="prometheus",
    )  # fmt: skip
    return Server(daemon, port)


def _job(name: str, targets: Sequence[str]) -> dict[str, Any]:
    return {"job_name": name, "static_configs": [{"targets": list(targets)}]}


def alertmanager(place: Place, *, events_url: str, routing_key: str) -> Server:
    """Sends every alert at once to this PagerDuty events address."""
    home, port = place.make("alertmanager", user="prometheus"), free_port()
    receiver = {
        "routing_key": routing_key, "url": events_url, "severity": "critical", "send_resolved": True,
        "description": "{{ .CommonLabels.alertname }}",
    }  # fmt: skip
    route = {
        "receiver": "pagerduty",
        "group_wait": "100ms",
        "group_interval": "200ms",
        "group_by": ["alertname"],
    }
    config = {"route": route, "receivers": [{"name": "pagerduty", "pagerduty_configs": [receiver]}]}
    file = home / "alertmanager.yml"
    file.write_text(json.dumps(config))
    daemon = place.start(
        [
            "prometheus-alertmanager", f"--config.file={file}", f"--storage.path={home / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
        ],
        name="alertmanager", ready=lambda: _ok(f"http://127.0.0.1:{port}/-/ready"), user="prometheus",
    )  # fmt: skip
    return Server(daemon, port)


def postgres_exporter(place: Place, url: str) -> Server:
    """Figures of a PostgreSQL, under the names that the shipped runbook's queries use."""
    home, port = place.make("exporter", user="prometheus"), free_port()
    queries = home / "queries.yml"
    queries.write_text(json.dumps(_QUERIES))
    daemon = place.start(
        [
            "prometheus-postgres-exporter", f"--web.listen-address=127.0.0.1:{port}",
            f"--extend.query-path={queries}", "--disable-default-metrics", "--disable-settings-metrics",
        ],
        name="exporter", ready=lambda: _ok(f"http://127.0.0.1:{port}/metrics"), user="prometheus",
        env={"DATA_SOURCE_NAME": url + "?sslmode=disable"},
    )  # fmt: skip
    return Server(daemon, port)


# The application's share: what the superuser keeps for itself is no room for requests.
_QUERIES = {
    "database_connections": {
        "query": (
            "SELECT count(*) FILTER (WHERE backend_type = 'client backend') AS active,"
            " (SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END) FROM pg_settings"
            " WHERE name IN ('max_connections', 'superuser_reserved_connections')) AS max FROM pg_stat_activity"
        ),
        "metrics": [
            {"active": {"usage": "GAUGE", "description": "connections of clients"}},
            {"max": {"usage": "GAUGE", "description": "connections that they can have"}},
        ],
    }
}


def _ok(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False
