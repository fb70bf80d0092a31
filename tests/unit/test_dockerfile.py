"""The Dockerfile's promises, read from the file itself: there is no Docker engine where the tests run."""

import fnmatch
import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass
class Stage:
    """One `FROM …` and its instructions, as (keyword, rest)."""

    base: str
    name: str = ""
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        return [rest for found, rest in self.steps if found == keyword]

    def one(self, keyword: str) -> str:
        found = self.all(keyword)
        assert len(found) == 1, f"{keyword}: {found}"
        return found[0]

    @property
    def environment(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for rest in self.all("ENV") for pair in rest.split())


def read_stages(text: str) -> list[Stage]:
    """Comments left out, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    stages: list[Stage] = []
    for line in filter(str.strip, joined.splitlines()):
        keyword, rest = line.split(maxsplit=1)
        if keyword == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base.strip(), name.strip()))
        else:
            stages[-1].steps.append((keyword, rest.strip()))
    return stages


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    return read_stages((ROOT / "Dockerfile").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def last(stages: list[Stage]) -> Stage:
    return stages[-1]


def test_reading_joins_lines_and_leaves_comments_out() -> None:
    """The reader that the other tests rely on."""
    found = read_stages("# x\nFROM a AS b\nRUN one \\\n  # between\n  && two\nFROM c\nUSER 1\n")
    assert found == [Stage("a", "b", [("RUN", "one && two")]), Stage("c", "", [("USER", "1")])]


def test_two_stages_on_a_slim_python_that_the_project_supports(stages: list[Stage]) -> None:
    """Both stages have the same interpreter, so that an environment can be copied from one to the other."""
    assert len(stages) == 2
    assert {stage.base for stage in stages} == {"python:3.12-slim"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"


def test_every_dependency_is_checked_against_its_hash(stages: list[Stage]) -> None:
    """The registry is asked once, with hashes and for wheels; every other pip command works offline."""
    commands = [
        part for rest in stages[0].all("RUN") for part in re.split(r"&&|;", rest) if " pip " in f" {part} "
    ]
    online = [part for part in commands if "--no-index" not in part]
    assert len(online) == 1
    assert all(
        option in online[0]
        for option in ("--require-hashes", "--no-deps", "--only-binary=:all:", "-r requirements.lock")
    )
    assert len(commands) >= 3


def test_the_lock_file_holds_what_builds_our_own_wheel() -> None:
    """Our wheel is built offline, without isolation, by the backend that pyproject.toml names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert project["build-system"]["requires"] == ["hatchling"]
    assert re.search(r"^hatchling==\S+ \\$", lock, re.MULTILINE)
    assert "--hash=sha256:" in lock
    assert "http://" not in lock
    assert "https://" not in lock


def test_the_last_stage_has_no_build_tools(stages: list[Stage], last: Stage) -> None:
    """Only the finished environment is taken over; nothing is compiled or installed from a registry there."""
    copies = last.all("COPY")
    assert copies == [f"--from={stages[0].name} /opt/ats-bot /opt/ats-bot"]
    runs = " ".join(last.all("RUN"))
    assert not re.search(r"apt-get|apk |pip install|pip wheel|curl|wget|gcc|build-essential", runs)
    assert "pip uninstall --yes pip" in runs
    installed = next(rest for rest in stages[0].all("RUN") if "/opt/ats-bot" in rest)
    assert "venv --without-pip /opt/ats-bot" in installed
    assert installed.endswith("install --no-index --find-links /wheels ats-bot")


def test_it_runs_as_a_numeric_user_that_exists(last: Stage) -> None:
    """Not root; a number, so that Kubernetes can prove it; with a name, which PostgreSQL's initdb asks for."""
    user = last.one("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    number = user.partition(":")[0]
    assert f"useradd --uid {number}" in " ".join(last.all("RUN"))
    keywords = [keyword for keyword, _ in last.steps]
    assert "RUN" not in keywords[keywords.index("USER") :]


def test_data_is_a_volume_that_the_user_owns(last: Stage) -> None:
    """The embedded PostgreSQL lives on /data, made for the user before it became a volume."""
    assert last.one("VOLUME") == "/data" == last.one("WORKDIR") == last.environment["ATS_DATA_DIR"]
    assert re.search(
        r"install --directory --owner=(\d+) --group=\1 --mode=0700 /data", " ".join(last.all("RUN"))
    )
    keywords = [keyword for keyword, _ in last.steps]
    assert keywords.index("RUN") < keywords.index("VOLUME")


def test_health_is_asked_with_python_alone(last: Stage) -> None:
    """/healthz on the port in use, within a deadline, without a proxy, and without curl in the image."""
    options, _, command = last.one("HEALTHCHECK").partition("CMD ")
    argv = json.loads(command)
    assert argv[:2] == ["python", "-c"]
    compile(argv[2], "HEALTHCHECK", "exec")
    assert "/healthz" in argv[2]
    assert "os.environ['ATS_PORT']" in argv[2]
    assert "ProxyHandler({})" in argv[2]
    assert re.search(r"--timeout=(\d+)s", options)


def test_it_starts_without_a_shell_and_stops_on_sigterm(last: Stage) -> None:
    """Both in exec form: the signal reaches ats-bot itself, as process 1."""
    assert json.loads(last.one("ENTRYPOINT")) == ["ats-bot"]
    assert json.loads(last.one("CMD")) == ["run"]
    assert last.one("STOPSIGNAL") == "SIGTERM"


def test_the_port_is_the_one_that_is_exposed(last: Stage) -> None:
    """Reachable from outside the container, on the documented port."""
    assert last.environment["ATS_PORT"] == last.one("EXPOSE") == "8026"
    assert last.environment["ATS_HOST"] == "0.0.0.0"  # noqa: S104 (inside a container, published by whoever runs it)


def test_no_secret_is_baked_in(stages: list[Stage]) -> None:
    """Tokens come from the environment or files at run time, never from a build argument or ENV."""
    for stage in stages:
        assert not stage.all("ARG")
        assert not re.search(r"TOKEN|SECRET|PASSWORD", " ".join(stage.environment))


def test_the_context_holds_what_is_copied_and_nothing_else(stages: list[Stage]) -> None:
    """The ignore file starts from nothing: no .git, no .env, no local data can get into an image."""
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {source for rest in stages[0].all("COPY") for source in rest.split()[:-1]}
    assert let_in == copied
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert set(packages["targets"]["wheel"]["packages"]) <= copied
    for leaked in (".env", ".git", ".ats", "ats-bot.toml", "tests"):
        assert not any(fnmatch.fnmatch(leaked, pattern) for pattern in let_in)
