"""A real MLflow server (S19)."""

import json
import time

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


async def test_the_newest_run_is_told_and_a_failed_one_is_a_warning(mlflow: MlFlow, target: TargetOf) -> None:
    """S19: of all experiments' runs the one that began last."""
    reached = target(rewrites={"http://localhost:5000": mlflow.url})
    now = round(time.time() * 1000)
    for number, (status, ago) in enumerate((("FINISHED", 7_200_000), ("FAILED", 600_000))):
        experiment = mlflow.post("experiments/create", name=f"training-{number}")["experiment_id"]
        made = mlflow.post(
            "runs/create", experiment_id=experiment, start_time=now - ago, run_name=f"train-{number}"
        )
        mlflow.post(
            "runs/update", run_id=made["run"]["info"]["run_id"], status=status, end_time=now - ago + 60_000
        )
        found = await line(reached, "mlflow")
        assert f"the last run (train-{number}, began " in found.value
        assert found.value.count(f"is {status}") == 1
        assert found.status is (Status.OK if status == "FINISHED" else Status.WARNING)
