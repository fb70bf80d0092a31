"""The program that a step becomes, and what the tables say in detail."""

from typing import Any

import pytest

from runbook import Risk, Step
from tests.unit.runbook.support import steps_of


def _one(command: str) -> Step:
    (step,) = steps_of(command)
    return step


def _program(command: str) -> Any:
    return _one(command).program


def test_variables_in_front_go_into_the_environment() -> None:
    """`NAME=value command` runs with that variable, literal, variable or both."""
    assert _program("LC_ALL=C df -h") == {"op": "exec", "argv": ["df", "-h"], "env": {"LC_ALL": "C"}}
    assert _program("AWS_PROFILE=$P aws s3 ls")["env"] == {"AWS_PROFILE": [{"var": "P"}]}
    assert _program("PGAPPNAME=a$P pg_isready")["env"] == {"PGAPPNAME": [{"text": "a"}, {"var": "P"}]}
    assert _program('PGHOST=db psql -c "SELECT 1"')["connection"] == {"env": {"PGHOST": "db"}}


def test_redirections_and_structure() -> None:
    """Pipes, and-or lists, negation, sequences and redirections to nowhere keep their shape."""
    program = _program("! pgrep nginx > /dev/null 2>&1 && uptime || df -h | head")
    assert program["op"] == "or"
    left, pipe = program["items"]
    assert left["op"] == "and"
    inverted, uptime = left["items"]
    assert inverted["op"] == "not"
    assert inverted["items"] == [
        {"op": "exec", "argv": ["pgrep", "nginx"], "stdout": "null", "stderr": "stdout"}
    ]
    assert uptime == {"op": "exec", "argv": ["uptime"]}
    assert pipe == {
        "op": "pipe",
        "items": [{"op": "exec", "argv": ["df", "-h"]}, {"op": "exec", "argv": ["head"]}],
    }
    assert _program("uptime\ndf -h")["op"] == "seq"


def test_connections_of_databases() -> None:
    """Host, port, user and database of psql and redis-cli are kept apart from what is asked."""
    program = _program('psql -h db -p 5433 -U app -d shop -c "SELECT 1"')
    assert program["connection"] == {"host": "db", "port": "5433", "user": "app", "database": "shop"}
    assert program["sql"] == ["SELECT 1"]
    assert _program('psql "$DATABASE_URL" -c "SELECT 1"')["connection"] == {"dsn": [{"var": "DATABASE_URL"}]}
    redis = _program("redis-cli -h r -n 2 -u redis://x llen q")
    assert redis == {
        "op": "redis",
        "command": ["llen", "q"],
        "connection": {"host": "r", "database": "2", "url": "redis://x"},
    }


def test_requests() -> None:
    """A request has method, address, headers, body and deadline, variables kept."""
    step = _one('curl -sSf -m 7 -X PUT -H "A: $T" -d "x=1" http://h/y')
    assert step.request == {
        "method": "PUT",
        "url": "http://h/y",
        "headers": {"A": "${T}"},
        "body": "x=1",
        "timeout": 7.0,
    }
    assert _one("timeout 3 curl -sSf -L -k http://h/health").request == {
        "method": "GET",
        "url": "http://h/health",
        "headers": {},
        "body": None,
        "timeout": 3.0,
        "insecure": True,
        "redirects": True,
    }


@pytest.mark.parametrize(
    ("command", "risk"),
    [
        ("systemctl restart nginx", Risk.MUTATING),
        ("systemctl restart postgresql", Risk.DESTRUCTIVE),
        ("cp a b", Risk.MUTATING),
        ("cp --force a b", Risk.DESTRUCTIVE),
        ("supervisorctl restart web", Risk.MUTATING),
        ("supervisorctl restart all", Risk.DESTRUCTIVE),
        ("aws s3 cp a s3://b/c", Risk.MUTATING),
        ("aws s3 cp --recursive a s3://b", Risk.DESTRUCTIVE),
        ("cp *.conf /tmp/", Risk.MANUAL),
        ("kubectl top pods", Risk.READ),
        ("kubectl top things", Risk.MANUAL),
        ("kubectl top pod $P", Risk.READ),
        ("kubectl top $P", Risk.MANUAL),
        ("getent hosts db", Risk.READ),
        ("getent shadow", Risk.MANUAL),
        ("vmstat 1 2", Risk.READ),
        ("vmstat 1 2 3", Risk.MANUAL),
        ("jq", Risk.MANUAL),
        ("sed -e 's/a/b/' -e 'w x' f", Risk.MANUAL),
        ("sed -e 's/a/b/' -e 5p f", Risk.READ),
        ("git -C /srv log -3", Risk.READ),
        ("git -C /srv commit", Risk.DESTRUCTIVE),
        ("du --exclude *.log /var", Risk.MANUAL),
        ("du --exclude ~/x /var", Risk.MANUAL),
        ("aws ec2 describe-instances --filters fileb://f", Risk.MANUAL),
        ("aws ec2 describe-instances --filters file://f", Risk.MANUAL),
        ("tail -fn 5 x", Risk.READ),
        ("tail -fn5 x", Risk.MANUAL),
        ("tail -f -n 5 x", Risk.READ),
    ],
)
def test_details_of_the_tables(command: str, risk: Risk) -> None:
    """Operands and flags that matter raise the risk, or keep a command from being a read."""
    assert _one(command).risk is risk


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("pm2 delete all", "never run from chat"),
        ("kubectl delete ns x", "deleting namespaces"),
        ("docker volume rm x", "removing volumes"),
        ("iptables -F", "firewall"),
        ("aws s3 rb s3://x", "removing a bucket"),
    ],
)
def test_what_can_never_be_unlocked_says_why(command: str, said: str) -> None:
    """Some commands stay with people whatever an annotation says, and the reason is given."""
    step = _one(command)
    assert step.never
    assert said in step.reason


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("journalctl -fu nginx", ["journalctl", "--no-pager", "-u", "nginx"]),
        ("kubectl logs api -f --tail 5", ["kubectl", "logs", "api", "--tail", "5"]),
        ("docker stats api", ["docker", "stats", "--no-stream", "api"]),
        ("iostat -x 2", ["iostat", "-x", "2", "5"]),
        ("free -s 3", ["free"]),
        ("tail -F -n 5 x", ["tail", "-n", "5", "x"]),
    ],
)
def test_how_an_endless_command_is_bounded(command: str, words: list[str]) -> None:
    """What makes a command endless is left out, and what makes it end is added, in the right place."""
    assert _program(command)["argv"] == words
