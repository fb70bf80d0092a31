"""A real MLflow server (S19)."""

import json

from bot.domain.health import Status
from tests.systems.conftest import TargetOf
from tests.systems.health import line
from tests.systems.servers.mlflow import MlFlow


async def test_health_version_and_models_are_read(mlflow: MlFlow, target: TargetOf) -> None:
    """Through the runbook's address, rewritten: OK, the version, and the registered model."""
    mlflow.post("registered-models/create", name="sharpe-predictor")
    reached = target(rewrites={"http://localhost:5000": mlflow.url})
    assert (await reached.http("GET", "http://localhost:5000/health")).text.strip() == "OK"
    assert (await reached.http("GET", "http://localhost:5000/version")).text.startswith("3.")
    found = await reached.http("GET", "http://localhost:5000/api/2.0/mlflow/registered-models/search")
    assert [m["name"] for m in json.loads(found.text)["registered_models"]] == ["sharpe-predictor"]


async def test_the_health_line_has_version_and_models(mlflow: MlFlow, target: TargetOf) -> None:
    """S19: one line, ok."""
    found = await line(target(rewrites={"http://localhost:5000": mlflow.url}), "mlflow")
    assert found.status is Status.OK, found
    assert "version 3." in found.value
    assert "registered model" in found.value
