"""The one program behind `pm2`, `docker` and the rest: asks the sandbox what to print, and prints it.

Copied beside the programs and run with `python -S -E`: standard library only, and few imports, because it is
started for every probe. Arguments: its own name, then the program's arguments.
"""

import base64
import json
import os
import socket
import sys
import time


def ask(host: str, port: int, request: bytes) -> bytes:
    with socket.create_connection((host, port), timeout=60) as connection:
        head = (
            "POST / HTTP/1.1",
            f"Host: {host}:{port}",
            "Connection: close",
            f"Content-Length: {len(request)}",
        )
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + request)
        answer = b""
        while data := connection.recv(65536):
            answer += data
    return answer.partition(b"\r\n\r\n")[2]


def main() -> int:
    """Ask, print, and ask again for as long as there is more to come."""
    arguments = sys.argv[2:]
    while True:
        code, following = step(arguments)
        if not following:
            return code
        arguments = following


def step(arguments: "list[str]") -> "tuple[int, list[str]]":
    # Not pathlib: its import costs 10 ms of each start.
    beside = __file__.rpartition("/")[0]
    with open(f"{beside}/.platform.json", encoding="utf-8") as file:  # noqa: PTH123 (see above)
        where = json.load(file)
    asked = {
        "secret": where["secret"],
        "program": sys.argv[1],
        "arguments": arguments,
        "directory": os.getcwd(),  # noqa: PTH109 (see below)
        "environment": sorted(os.environ),
    }
    try:
        answer = json.loads(ask("127.0.0.1", where["port"], json.dumps(asked).encode()))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{sys.argv[1]}: the sandbox's trading platform does not answer: {error}\n")
        return 69, []
    if answer["raw"]:
        garble(base64.b64decode(answer["raw"]), answer["pause"])
        return 0, []
    for line in answer["out"].splitlines(keepends=True):
        sys.stdout.write(line)
        sys.stdout.flush()
        time.sleep(answer["pause"])
    sys.stderr.write(answer["err"])
    while answer["follow"]:
        time.sleep(3600)
    return int(answer["code"]), answer["next"]


def garble(data: bytes, pause: float) -> None:
    """What was sent, as it is; with a pause byte by byte, for ever."""
    sys.stdout.buffer.write(data[:1] if pause else data)
    sys.stdout.buffer.flush()
    while pause:
        time.sleep(pause)
        sys.stdout.buffer.write(data[:1])
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
