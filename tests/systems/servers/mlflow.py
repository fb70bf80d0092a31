"""A real MLflow tracking server, with its models in SQLite; it takes some seconds to start."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.systems.daemon import INSTALLED, Daemon, Place, free_port


@dataclass(frozen=True, slots=True)
class MlFlow:
    daemon: Daemon
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, path: str, **body: Any) -> Any:
        """A call of its REST API."""
        answer = httpx.post(f"{self.url}/api/2.0/mlflow/{path}", json=body, trust_env=False, timeout=30)
        return answer.raise_for_status().json()


def start(place: Place) -> MlFlow:
    home, port = place.make("mlflow"), free_port()
    daemon = place.start(
        [
            str(INSTALLED / "venv" / "bin" / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port),
            "--workers", "1", "--backend-store-uri", f"sqlite:///{home}/mlflow.db",
            "--default-artifact-root", str(home / "artifacts"),
        ],
        name="mlflow", ready=lambda: _healthy(port), within=240, cwd=home,
        env={"DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )  # fmt: skip
    return MlFlow(daemon, port)


def _healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False
