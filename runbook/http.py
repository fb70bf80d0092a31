"""curl, wget and wscat as requests: the method, the address and what they send decide."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from runbook.addresses import Doubt, acts, doubt
from runbook.arguments import Arguments, parse_arguments
from runbook.environment import secret_in
from runbook.model import Kind, Risk
from runbook.risk import Verdict, manual
from runbook.shell import Simple, Word
from runbook.tables_of_programs import Flag, Program, flags_of

_READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_SECRET_IN_URL = re.compile(
    r"(?i)://[^/\s@]{0,200}:[^/\s@$]{1,200}@|[?&](?:token|api_?key|key|secret|password|access_token)=[^&$\s]"
)
_HEADER_SECRET = re.compile(
    r"(?i)^(?:authorization|x-api-key|x-[\w-]*token|private-token|cookie)\s*:\s*(?:bearer\s+|basic\s+)?\S{6,}"
)


@dataclass(frozen=True, slots=True)
class _Table:
    protective: tuple[re.Pattern[str], ...]
    curl: dict[str, Flag]
    wget: dict[str, Flag]
    wscat: dict[str, Flag]
    override: frozenset[str]


@cache
def _table() -> _Table:
    raw = tomllib.loads(files("runbook").joinpath("programs/http.toml").read_text(encoding="utf-8"))
    return _Table(
        protective=tuple(re.compile(p) for p in raw["protective_paths"]),
        curl=flags_of(raw["curl_flags"]),
        wget=flags_of(raw["wget_flags"]),
        wscat=flags_of(raw["wscat_flags"]),
        override=frozenset(raw["acting_headers"].split()),
    )


@dataclass(slots=True)
class _Request:
    method: str
    url: Word
    headers: list[Word | str]
    body: Word | str | None
    timeout: float
    fails: bool
    options: dict[str, object]
    literal: bool = False  # -g: brackets in the address are no pattern


def _seconds(arguments: Arguments, *names: str) -> float:
    text = arguments.text(*names)
    return float(text) if text and re.fullmatch(r"\d{1,5}(?:\.\d{1,3})?", text) else 0.0


def _json(value: Word | str) -> object:
    return value if isinstance(value, str) else value.json()


def _leaf(request: _Request) -> dict[str, object]:
    leaf: dict[str, object] = {"op": "http", "method": request.method, "url": request.url.json()}
    if request.headers:
        leaf["headers"] = [_json(h) for h in request.headers]
    if request.body is not None:
        leaf["body"] = _json(request.body)
    if request.timeout:
        leaf["timeout"] = request.timeout
    return leaf | request.options


def curl(simple: Simple, _program: Program) -> Verdict:
    """The verdict on a curl command."""
    found = parse_arguments(list(simple.words[1:]), _table().curl)
    if found.problem:
        return manual(f"curl: {found.problem}")
    shown = found.text("-w", "--write-out")
    if found.has("-w", "--write-out") and (shown is None or "output" in shown or shown.startswith("@")):
        return manual("curl -w of this kind may write a file")
    addresses = [*found.operands, *(o.value for o in found.options if o.name == "--url")]
    if len(addresses) != 1 or not isinstance(addresses[0], Word):
        return manual("curl with more or fewer than one address is not understood")
    return _judge(_of_curl(found, addresses[0]), simple)


def _of_curl(found: Arguments, url: Word) -> _Request:
    data = [
        o
        for o in found.options
        if o.name
        in {"-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--json", "--data-urlencode"}
    ]
    as_query = found.has("-G", "--get")
    method = (found.text("-X", "--request") or "").upper()
    if not method:
        method = "HEAD" if found.has("-I", "--head") else "POST" if data and not as_query else "GET"
    if found.has("-X", "--request") and found.text("-X", "--request") is None:
        method = "?"
    options: dict[str, object] = {}
    if found.has("-k", "--insecure"):
        options["insecure"] = True
    if found.has("-L", "--location"):
        options["redirects"] = True
    user = found.value("-u", "--user")
    if user is not None:
        options["user"] = _json(user)
    if as_query and data:
        options["query"] = [_json(o.value) for o in data if o.value is not None]
    if len(data) > 1 or any(o.name in {"--json", "--data-urlencode"} for o in data):
        options["data"] = [{"option": o.name, "value": _json(o.value)} for o in data if o.value is not None]
    body = data[0].value if data and not as_query else None
    headers = [o.value for o in found.options if o.name in {"-H", "--header"} and o.value is not None]
    return _Request(
        method,
        url,
        headers,
        body,
        _seconds(found, "-m", "--max-time"),
        found.has("-f", "--fail", "--fail-with-body"),
        options,
        found.has("-g", "--globoff"),
    )


def _shown(value: Word | str) -> str:
    return value if isinstance(value, str) else value.shown


def _warnings(request: _Request) -> tuple[tuple[str, str, str], ...]:
    found: list[tuple[str, str, str]] = []
    if request.method not in _READ_METHODS and not request.fails:
        message = "A changing curl without -f ends well even on 401 or 500."
        found.append(
            ("curl-without-fail", message, "Write curl -sSf …; ats-bot itself treats any non-2xx as a failure.")
        )
    secrets = [h for h in request.headers if "$" not in _shown(h) and _HEADER_SECRET.search(_shown(h))]
    user = request.options.get("user")
    plain = isinstance(user, str) and ":" in user
    if secrets or plain or _SECRET_IN_URL.search(request.url.shown):
        message = "A secret stands in an argument, where the process list and this document show it."
        found.append(("secret-in-argument", message, "Put it into a variable of the target's environment."))
    return tuple(found)


def _judge(request: _Request, simple: Simple) -> Verdict:
    leaf, warnings = _leaf(request), _warnings(request)
    rewrites = (
        (f'curl "{request.url.shown}": quoted, since a shell may expand ? to a file name',)
        if request.url.glob
        else ()
    )
    if request.method not in _READ_METHODS and not request.fails:
        told = f"curl -sSf … {request.url.shown}: without -f it ends well even on 401 or 500"
        rewrites = (*rewrites, told)
    if request.url.tilde or simple.env:
        return manual("the address or its surroundings need a shell")
    verdict = Verdict(
        Risk.READ,
        f"{request.method} of an address that only shows something",
        Kind.HTTP,
        leaf,
        rewrites=rewrites,
        warnings=warnings,
    )
    if request.method in _READ_METHODS:
        doubt = _doubt(request)
        return verdict if doubt is None else verdict.but(risk=doubt.risk, reason=doubt.reason)
    return _changing(request, verdict)


def _doubt(request: _Request) -> Doubt | None:
    """Why a GET may be more than a look."""
    if request.body is not None:
        return Doubt(Risk.MANUAL, "it sends a body")
    for header in request.headers:
        text = _shown(header)
        if text.startswith("@") or text.partition(":")[0].strip().lower() in _table().override:
            return Doubt(Risk.MANUAL, f"the header {text.partition(':')[0]} may change the method")
    given = request.options.get("query", [])
    queries = [q for q in given if isinstance(q, str)] if isinstance(given, list) else []
    if (given and queries != given) or any(re.match(r"[^=]*@|[^=]*=@", q) for q in queries):
        return Doubt(Risk.MANUAL, "what it sends as a query is only known when it runs")
    return doubt(request.url, queries, literal=request.literal)


def _changing(request: _Request, verdict: Verdict) -> Verdict:
    path = re.sub(r"^(?:[a-z]+://[^/]*|\$\{[^}]+\})", "", request.url.shown)
    protective = any(p.fullmatch(path) for p in _table().protective)
    if request.method == "POST" and request.body is None and protective:
        return verdict.but(
            risk=Risk.PROTECTIVE, reason=f"POST {path} stops trading: delay is the greater danger"
        )
    if request.method == "?":
        return verdict.but(
            risk=Risk.MANUAL, reason="its method is only known when it runs", leaf=None, kind=Kind.MANUAL
        )
    if request.url.opaque and not request.url.shown.partition("}")[2].startswith(("/", ":")):
        return verdict.but(
            risk=Risk.DESTRUCTIVE, reason=f"{request.method} to an address that is only known when it runs"
        )
    return verdict.but(risk=Risk.DESTRUCTIVE, reason=f"{request.method} {path or '/'} changes something")


def wget(simple: Simple, _program: Program) -> Verdict:
    """Wget is a read only when it writes nothing: to standard output or as a spider."""
    found = parse_arguments(list(simple.words[1:]), _table().wget)
    if found.problem:
        return manual(f"wget: {found.problem}")
    out = found.text("-O", "--output-document")
    if len(found.operands) != 1:
        return manual("wget with more or fewer than one address is not understood")
    spider = found.has("--spider")
    if not spider and out not in {"-", "/dev/null", "/dev/stdout"}:
        return manual("wget writes a file")
    headers = [o.value for o in found.options if o.name == "--header" and o.value is not None]
    timeout = _seconds(found, "-T", "--timeout")
    method = "HEAD" if spider else "GET"
    return _judge(_Request(method, found.operands[0], headers, None, timeout, fails=True, options={}), simple)


def wscat(simple: Simple, _program: Program) -> Verdict:
    """A look at a WebSocket: connect, wait for the first message, go."""
    found = parse_arguments(list(simple.words[1:]), _table().wscat)
    address = found.value("-c", "--connect")
    url = address if isinstance(address, Word) else None
    if found.problem or found.operands or url is None:
        return manual(found.problem or "wscat of this kind is not understood")
    if not re.match(r"(?i)(?:wss?://|\$\{)", url.shown) or acts(url.shown) or secret_in(url):
        return manual("the address is not known to only show something")
    leaf = {"op": "http", "method": "GET", "url": url.json(), "websocket": True, "timeout": 10.0}
    told = f"a WebSocket client that ends after the first message or 10 s: {url.shown}"
    return Verdict(Risk.READ, "it connects and listens", Kind.HTTP, leaf, rewrites=(told,))
