"""PagerDuty's own OpenAPI descriptions, as a judge of requests and answers that the local server recorded.

What is known to be wrong in the descriptions themselves is mended in memory, and nothing else:

- they list `application/json` where the service answers `application/vnd.pagerduty+json;version=2`;
- their examples have nulls (`resolved_at`, `priority`, `end`) where their schemas allow none;
- `id` and `type` of a reference are read-only, and required in requests;
- details of an incident body and of an alert are objects, while the example, and the service, have text too;
- GET /oncalls offers `include[]=users` and allows only references to users;
- an acknowledge log entry is to have the type `acknowledge_log_entry` and `acknowledgement_log_entry` at once;
- every channel of a log entry matches several of five shapes of which exactly one should match;
- some operations do not list the 400 or 402 that the service answers;
- GET /log_entries does not know the field changes that GET /incidents/{id}/log_entries has.
"""

import functools
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from sandbox.pagerduty.gate import EVENTS_PATH, ApiCall

ROOT = Path(__file__).resolve().parents[3]
_WORD = re.compile("[a-z_]{1,40}")
V3 = "/v3/"  # upgraded schedules, which the descriptions do not have
JUDGES = Path(os.environ.get("ATS_JUDGES") or ROOT.parent / "shared" / "judges") / "pagerduty"


@functools.cache
def description(name: str) -> OpenAPI:
    """An OpenAPI description, parsed once; skips the test where the folder is missing."""
    path = JUDGES / name
    if not path.is_file():
        pytest.skip(f"the official description is missing: {path} (set ATS_JUDGES)")
    # A bad default in the REST description fails strict validation of the description itself.
    described = json.loads(path.read_text())
    if name == "rest-openapi.json":
        mend(described)
    return OpenAPI.from_dict(described, config=Config(spec_validator_cls=None))  # type: ignore[arg-type]  # its own documented way


def mend(described: dict[str, Any]) -> None:
    """Mend what the module's docstring lists."""
    schemas = described["components"]["schemas"]
    for field in schemas["Tag"]["allOf"][0]["properties"].values():
        field.pop("readOnly", None)
    del schemas["IncidentBody"]["properties"]["details"]["type"]
    del schemas["Alert"]["allOf"][1]["properties"]["body"]["properties"]["details"]["type"]
    whole = {"$ref": "#/components/schemas/User"}
    schemas["Oncall"]["properties"]["user"] = {"anyOf": [schemas["Oncall"]["properties"]["user"], whole]}
    schemas["AcknowledgeLogEntry"]["allOf"][1]["properties"]["type"]["enum"] = ["acknowledge_log_entry"]
    schemas["Channel"] = {"type": "object", "required": ["type"]}
    refusal = {"$ref": "#/components/responses/Conflict"}
    for operations in described["paths"].values():
        for operation in (operations[method] for method in ("get", "post", "put") if method in operations):
            for status in ("400", "402"):
                operation["responses"].setdefault(status, refusal)
    of_one, of_all = (
        _log_entry_items(described, path) for path in ("/incidents/{id}/log_entries", "/log_entries")
    )
    of_all["oneOf"] = of_one["oneOf"]


def _log_entry_items(described: dict[str, Any], path: str) -> dict[str, Any]:
    answer = described["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    items: dict[str, Any] = answer["allOf"][1]["properties"]["log_entries"]["items"]
    return items


def judge(call: ApiCall) -> None:
    """Raise what openapi-core finds wrong with a recorded request and its answer."""
    api, request = _described(call)
    api.validate_request(request)
    api.validate_response(request, judged_answer(call))


_JUDGED: set[tuple[str, ...]] = set()  # in this process: to judge one takes 20 ms, and most tests send the same


def judge_requests(calls: Iterable[ApiCall]) -> None:
    """Raise what is wrong with any request, one of each shape; nothing where the descriptions are missing."""
    if not JUDGES.is_dir():
        return
    for call in calls:
        shape = _shape(call)
        if shape in _JUDGED or call.path.startswith(V3):
            continue
        api, request = _described(call)
        api.validate_request(request)
        _JUDGED.add(shape)


def _shape(call: ApiCall) -> tuple[str, ...]:
    parts = [part if part.islower() else "{id}" for part in call.path.split("/")]
    return (
        call.method,
        "/".join(parts),
        str(sorted((name, _keys(values)) for name, values in call.query.items())),
        str(_keys(call.body)),
        str(bool(call.from_email)),
    )


def _keys(value: Any) -> Any:
    """What it is made of: a text's value only where it may be one of a description's own words, as a status is."""
    if isinstance(value, dict):
        return {key: _keys(each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted({str(_keys(each)) for each in value})
    return value if isinstance(value, str) and _WORD.fullmatch(value) else type(value).__name__


def _described(call: ApiCall) -> tuple[OpenAPI, MockRequest]:
    events = call.path == EVENTS_PATH
    api = description("events-v2-openapi.json" if events else "rest-openapi.json")
    request = MockRequest(
        "https://events.pagerduty.com" if events else "https://api.pagerduty.com",
        call.method.lower(),
        call.path,
        args={name: values[0] if len(values) == 1 else values for name, values in call.query.items()},
        headers={name.title(): value for name, value in call.headers.items()},
        data=None if call.body is None else json.dumps(call.body).encode(),
        # openapi-core takes it from here and ignores the description's own demand for the header.
        content_type=call.headers.get("content-type", ""),
    )
    assert request.content_type, "PagerDuty's description demands Content-Type on every request"
    return api, request


def judged_answer(call: ApiCall) -> MockResponse:
    """The answer without its nulls, in the media type that the description lists."""
    body = json.dumps(_without_nulls(call.response)).encode() if call.response is not None else b""
    return MockResponse(body, status_code=call.status or 0, content_type="application/json")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return value
