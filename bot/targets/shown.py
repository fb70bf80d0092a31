"""A filled program as people read it. Pure; secrets are taken out by whoever shows it."""

import shlex
from collections.abc import Mapping
from typing import Any

_JOINED = {"seq": "\n", "and": " && ", "or": " || ", "pipe": " | "}


def shown(leaf: Mapping[str, Any]) -> str:
    """What a program, or one leaf of it, runs."""
    match leaf["op"]:
        case "http":
            return _request(leaf)
        case "sql":
            return ";\n".join(str(s).rstrip("; ") for s in leaf["sql"])
        case "redis":
            return "redis: " + " ".join(map(_word, leaf["command"]))
        case "exec":
            return _command(leaf)
        case "not":
            return "! " + shown(leaf["items"][0])
        case op:
            return _JOINED[op].join(shown(item) for item in leaf["items"])


def _request(leaf: Mapping[str, Any]) -> str:
    url, query = str(leaf["url"]), "&".join(leaf.get("query", ()))
    if query:
        url += f"{'&' if '?' in url else '?'}{query}"
    if leaf.get("websocket"):
        return f"WebSocket {url}"
    body = leaf.get("body")
    return f"{leaf['method']} {url}" + (f"\n{body}" if body is not None else "")


def _command(leaf: Mapping[str, Any]) -> str:
    env = [f"{name}={_word(value)}" for name, value in leaf.get("env", {}).items()]
    streams = {"null": "/dev/null", "stderr": "&2", "stdout": "&1"}
    ends = [f">{streams[leaf['stdout']]}"] if leaf.get("stdout") else []
    ends += [f"2>{streams[leaf['stderr']]}"] if leaf.get("stderr") else []
    return " ".join([*env, *map(_word, leaf["argv"]), *ends])


def _word(text: str) -> str:
    """Quoted where a shell would need it, so that it can be copied."""
    return shlex.quote(text) if text else "''"
