"""Each rule by itself: what is found, and that its line and column point at the text that is meant.

In these texts ¦ stands before the place that a finding must point at.
"""

from datetime import date

import pytest

from runbook import Diagnostic, Plan, compile_text, write_lock

TODAY = date(2030, 6, 1)
FENCE = "## P\n\n```bash\n{}\n```\n"


def _shell(text: str) -> str:
    return FENCE.format(text)


def _alert(text: str, *, heading: str = "## P1 Queue stuck") -> str:
    return f"{heading}\n\n{text}\n"


def _plan(text: str) -> Plan:
    clean = text.replace("¦", "")
    lock = write_lock(compile_text(clean), None, reviewer="ana", today=TODAY)
    return compile_text(clean, lock=lock, today=TODAY)


def _marked(text: str) -> tuple[int, int]:
    before = text[: text.index("¦")]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


WARNINGS = {
    "curl without -f": ("curl-without-fail", _shell("uptime\n¦curl -s -X POST http://h/cache")),
    "curl with a body and without -f": ("curl-without-fail", _shell("¦curl -s -d a=b http://h/cache")),
    "a password in a URL": (
        "secret-in-argument",
        _shell("df -h\n¦psql postgres://app:hunter22@db/x -c 'SELECT 1'"),
    ),
    "a token in a header": (
        "secret-in-argument",
        _shell("¦curl -s -H 'Authorization: Bearer abcdef1234' http://h/health"),
    ),
    "a key in an assignment": ("secret-in-argument", _shell("ls\n  deploy -¦-api-key=abcdef123456")),
    "an AWS key": ("secret-in-argument", _shell("deploy ¦AKIAABCDEFGHIJKLMNOP")),
    "a mysql password": ("secret-in-argument", _shell("¦mysql -phunter22 -e 'SELECT 1'")),
    "logs without an end": ("endless-command", _shell("uptime\n  ¦pm2 logs api")),
    "following a file": ("endless-command", _shell("¦tail -f /var/log/x.log")),
    "watching pods": ("endless-command", _shell("¦kubectl get pods -w")),
    "a restart of all processes": ("restart-all", _shell("uptime; ¦pm2 restart all")),
    "a restart of whatever runs": ("restart-all", _shell("docker ¦restart $(docker ps -q)")),
    "all pods at once": ("restart-all", _shell("¦kubectl delete pods --all")),
    "down -v": ("down-volumes", _shell("cd x\ndocker ¦compose down -v")),
    "down --volumes": ("down-volumes", _shell("docker ¦compose -f a.yml down --volumes")),
    "ufw": ("firewall", _shell("sudo ¦ufw deny out 443")),
    "iptables": ("firewall", _shell("sudo ¦iptables -A OUTPUT -j DROP")),
    "temporarily, nothing takes it back": (
        "temporary-without-revert",
        _shell("# Raise the level (¦temporarily)\npsql -c 'ALTER SYSTEM SET log_min_duration_statement = 1'"),
    ),
    "for now": (
        "temporary-without-revert",
        _shell("# Scale up ¦for now\nkubectl scale deploy api --replicas=9"),
    ),
    "a caution without a guard": (
        "caution-without-guard",
        _shell(
            "# Reset\n# ¦CAUTION: only if it blocks\n#: id=r risk=destructive role=responder\ncurl -sSf -X POST http://h/reset"
        ),
    ),
    "don't, below the command": (
        "caution-without-guard",
        _shell(
            "#: id=r risk=destructive role=responder\ncurl -sSf -X POST http://h/reset\n# ¦WARNING: don't do this twice"
        ),
    ),
    "an alert without a step": (
        "alert-without-step",
        "text\n\n¦" + _alert("- **Trigger:** `up == 0`\n- **Query:** `up == 0`"),
    ),
    "a P0 without a step": (
        "alert-without-step",
        "¦" + _alert("- **Trigger:** `up == 0`", heading="## P0 Down"),
    ),
    "an alert without a severity": (
        "alert-without-severity",
        "¦" + _alert("- **Trigger:** `up == 0`", heading="## Down"),
    ),
    "a trigger without a query": (
        "trigger-without-query",
        _alert("Some text.\n\n- **Trigger:** `¦queue_lag > 5 minutes`"),
    ),
    "a placeholder": ("placeholder-without-parameter", _shell("uptime\nkubectl logs ¦[pod_name]")),
    "an angled placeholder": ("placeholder-without-parameter", _shell("kubectl logs ¦<pod-name> -n x")),
    "a placeholder in curly braces": ("placeholder-without-parameter", _shell("kubectl logs ¦{{ pod }}")),
    "an overdue review": ("review-overdue", "# T\n\n**Owner**: x\\\n**¦Next Review**: 2030-05-31\n"),
    "a review without a date": ("review-without-date", "# T\n\n**¦Next Review**: in three months\n"),
}
ERRORS = {
    "an unknown key": ("annotation-key", _shell("uptime\n\n#: id=a ¦rsk=read\nuptime")),
    "a bad value": ("annotation-value", _shell("#: id=a ¦timeout=soon\nuptime")),
    "a guard that is no read": ("annotation-value", _shell("#: id=a ¦guard=\"exec 'rm x'\"\nuptime")),
    "a key given twice": ("annotation-twice", _shell("#: id=a timeout=1s ¦timeout=2s\nuptime")),
    "no key=value": ("annotation-syntax", _shell("#: id=a ¦what\nuptime")),
    "a risk too low": (
        "risk-lowered",
        _shell("#: id=a\n#: role=responder ¦risk=mutating\ncurl -sSf -X POST http://h/x"),
    ),
    "a claimed read": ("risk-read", _shell("#: id=a role=responder ¦risk=read\ncurl -sSf -X POST http://h/x")),
    "no second person": (
        "approvals",
        _shell("#: id=a role=responder risk=destructive ¦approvals=0\ncurl -sSf -X POST http://h/x"),
    ),
    "a viewer who changes": ("role", _shell("#: id=a risk=mutating ¦role=viewer\npm2 restart api")),
    "half an annotation": ("annotation-incomplete", _shell("uptime\n\n¦#: role=responder\npm2 restart api")),
    "what may never be run": ("never", _shell("¦#: id=a risk=destructive role=responder\npm2 delete all")),
    "what needs a shell": (
        "not-runnable",
        _shell("¦#: id=a risk=mutating role=responder\nfor i in a; do x; done"),
    ),
    "an id given twice": ("id-twice", _shell("#: id=a\nuptime\n\n#: ¦id=a\ndf -h")),
    "an unknown parameter": ("param-unknown", _shell("#: id=a ¦param.X=int\nuptime")),
    "choices from nowhere": ("param-source", _shell('#: id=a ¦param.rev="int from b"\nhelm rollback x [rev]')),
    "a revert to nowhere": ("revert-unknown", _shell("#: id=a ¦revert=b\npm2 restart api")),
    "an annotation above nothing": ("annotation-without-command", _shell("uptime\n\n¦#: id=a")),
}


def _found(plan: Plan, code: str) -> Diagnostic:
    return next(d for d in plan.diagnostics if d.code == code)


@pytest.mark.parametrize("name", WARNINGS)
def test_each_hazard_is_named_and_pointed_at(name: str) -> None:
    """A rule finds its hazard, at the line and column of the text that is meant, and says how to mend it."""
    code, text = WARNINGS[name]
    found = _found(_plan(text), code)
    assert found.severity == "warning"
    assert (found.line, found.column) == _marked(text)
    assert found.message
    assert found.hint


@pytest.mark.parametrize("name", ERRORS)
def test_each_mistake_is_an_error_and_pointed_at(name: str) -> None:
    """A mistake in an annotation is an error with line, column and a way to mend it, never ignored."""
    code, text = ERRORS[name]
    found = _found(_plan(text), code)
    assert found.severity == "error"
    assert (found.line, found.column) == _marked(text)
    assert found.hint


HARMLESS = {
    "curl-without-fail": _shell("curl -sSf -X POST http://h/cache\ncurl -s http://h/health"),
    "secret-in-argument": _shell(
        'psql "$DATABASE_URL" -c \'SELECT 1\'\ncurl -s -H "Authorization: Bearer $T" http://h/health'
    ),
    "endless-command": _shell("pm2 logs --nostream\ntail -n 5 x\nkubectl get pods"),
    "restart-all": _shell("pm2 restart ecosystem.config.cjs\nkubectl delete pod api-0"),
    "down-volumes": _shell("docker compose down"),
    "firewall": _shell("sudo ufw status\nsudo iptables -L -n"),
    "temporary-without-revert": _shell(
        "# Temporarily\n#: id=a revert=b\npm2 restart api\n\n#: id=b\npm2 restart web"
    ),
    "caution-without-guard": _shell(
        '# CAUTION: only if it blocks\n#: id=r risk=destructive role=responder guard="http GET http://h/status"\n'
        "curl -sSf -X POST http://h/reset"
    ),
    "alert-without-step": _alert("- **Trigger:** `up == 0`\n\n```bash\nuptime\n```"),
    "alert-without-severity": _alert("- **Trigger:** `up == 0`"),
    "trigger-without-query": _alert("- **Trigger:** `down`\n- **Query:** `up == 0`"),
    "placeholder-without-parameter": _shell("#: id=a param.pod=name\nkubectl logs [pod]"),
    "review-overdue": "**Next Review**: 2030-06-01\n",
    "review-without-date": "**Next Review**: 2030-06-01\n",
}


@pytest.mark.parametrize("code", HARMLESS)
def test_what_is_right_is_not_warned_of(code: str) -> None:
    """The same thing done right gives no finding of that kind."""
    assert [d for d in _plan(HARMLESS[code]).diagnostics if d.code == code] == []


def test_everything_that_is_wrong_is_said_at_once() -> None:
    """A document with every mistake gets every finding in one go, in the order of its lines."""
    texts = [t.replace("¦", "") for _, t in (*WARNINGS.values(), *ERRORS.values())]
    own = [t if "id=a\nuptime" in t else t.replace("id=a", f"id=a{n}") for n, t in enumerate(texts)]
    plan = compile_text("\n".join(own), today=TODAY)
    wanted = {c for c, _ in (*WARNINGS.values(), *ERRORS.values())}
    assert wanted - {d.code for d in plan.diagnostics} == {
        "review-without-date"
    }  # a document has one review date
    assert [d.line for d in plan.diagnostics] == sorted(d.line for d in plan.diagnostics)
    assert len(plan.errors) >= len(ERRORS) - 1


def test_a_finding_points_at_the_second_of_two_equal_commands() -> None:
    """Two equal commands on one line have two columns."""
    plan = compile_text(_shell("uptime; uptime"))
    columns = [c.column for e in plan.entries for s in e.steps for c in s.commands]
    assert columns == [1, 9]


def test_an_indented_annotation_is_pointed_at_where_it_stands() -> None:
    """Within a list the block is indented: the column counts from the line's own beginning."""
    text = "# R\n\n## A\n\n- Do:\n\n  ```bash\n  #: id=a nonsense\n  uptime\n  ```\n"
    found = next(d for d in compile_text(text).diagnostics if d.code == "annotation-syntax")
    assert text.split("\n")[found.line - 1][found.column - 1 :] == "nonsense"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("## P\n\n```bash\nuptime\n", [(3, 1)]),
        ("## P\n\n```bash\nuptime", [(3, 1)]),
        ("```", [(1, 1)]),
        ("1. Do\n   ```bash\n   ls\n```\n\ntext\n", [(2, 4), (4, 1)]),  # closed too far to the left
        ("> ```\n> ls\n\ntext\n", [(1, 1)]),
        ("```bash\nuptime\n```\n", []),
        ("```bash\n```", []),
        ("````\n```\n````\n", []),
        ("- a\n\n  ~~~\n  ls\n\n  ~~~\n", []),
        ("text\n\n    ls\n", []),
    ],
)
def test_a_block_that_nothing_closes_is_pointed_at(text: str, places: list[tuple[int, int]]) -> None:
    """It swallows what stands below it: said where it opens; a closed or an indented one is not."""
    found = [d for d in compile_text(text).diagnostics if d.code == "fence-not-closed"]
    assert [(d.line, d.column) for d in found] == places
