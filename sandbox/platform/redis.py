"""The platform's Redis: a small server that speaks enough of the protocol to be looked after."""

import asyncio
import fnmatch
import hmac
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sandbox.platform import garbage
from sandbox.platform.resp import ProtocolError, Refusal, Simple, encode, read_command
from sandbox.platform.state import PlatformState

PASSWORD = "sandbox-redis-password"
_VERSION = "7.4.1"
_CONFIG = {
    "maxmemory": str(2 * 1024**3),
    "maxmemory-policy": "noeviction",
    "appendonly": "no",
    "dir": "/var/lib/redis",
    "dbfilename": "dump.rdb",
    "save": "3600 1 300 100 60 10000",
    "slowlog-log-slower-than": "10000",
    "maxclients": "10000",
    "databases": "16",
}
_OK = Simple("OK")
_NOAUTH = Refusal("NOAUTH Authentication required.")
_MISCONF = Refusal(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that "
    "may modify the data set are disabled, because this instance is configured to report errors during writes if RDB "
    "snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB "
    "error."
)
_BEFORE_AUTH = frozenset({"AUTH", "HELLO", "QUIT"})
_PROTOCOLS = frozenset({"2", "3"})


@dataclass(slots=True)
class Session:
    """One client's connection."""

    number: int
    allowed: bool
    version: int = 2
    name: str = ""
    library: str = ""
    database: int = 0
    leaving: bool = False


class RedisServer:
    """Answers clients on streams; the platform opens and closes the port.

    Args:
        state: whose faults count ("redis" slow, hanging, unauthorized).
    """

    def __init__(self, state: PlatformState) -> None:
        self._state = state
        self._sessions: dict[int, Session] = {}
        self._served = 0
        self._commands = 0
        self._noauth = 0
        self._misconf = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its beginning to its end."""
        self._served += 1
        session = Session(self._served, allowed=not self._state.faults.of("redis").unauthorized)
        self._sessions[session.number] = session
        try:
            await self._converse(session, reader, writer)
        except ProtocolError as error:
            writer.write(encode(Refusal(f"ERR Protocol error: {error}")))
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # the client went away in the middle, or sent an endless line
        finally:
            del self._sessions[session.number]
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _converse(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while not session.leaving and (command := await read_command(reader)) is not None:
            if not command:
                continue
            fault = self._state.faults.of("redis")
            if fault.hanging:
                await reader.read()  # until the client gives up
                return
            if fault.garble:
                await _garble(reader, writer, fault.garble)
                return
            await asyncio.sleep(fault.delay)
            writer.write(encode(self._answer(session, command), version=session.version))
            await writer.drain()

    def _answer(self, session: Session, command: list[str]) -> Any:
        self._commands += 1
        verb, arguments = command[0].upper(), command[1:]
        if not session.allowed and verb not in _BEFORE_AUTH:
            self._noauth += 1
            return _NOAUTH
        answer = getattr(self, f"_do_{verb.lower()}", None)
        if answer is None:
            shown = " ".join(f"'{a}'" for a in arguments)
            return Refusal(f"ERR unknown command '{command[0]}', with args beginning with: {shown}")
        return answer(session, arguments)

    def _do_ping(self, _session: Session, arguments: list[str]) -> Any:
        if not self._state.redis.saving:
            self._misconf += 1
            return _MISCONF
        return arguments[0] if arguments else Simple("PONG")

    def _do_echo(self, _session: Session, arguments: list[str]) -> Any:
        return arguments[0] if arguments else _wrong("echo")

    def _do_quit(self, session: Session, _arguments: list[str]) -> Any:
        session.leaving = True
        return _OK

    def _do_select(self, session: Session, arguments: list[str]) -> Any:
        if not arguments or not arguments[0].isdigit() or int(arguments[0]) > 15:  # noqa: PLR2004 (16 databases)
            return Refusal("ERR DB index is out of range")
        session.database = int(arguments[0])
        return _OK

    def _do_auth(self, session: Session, arguments: list[str]) -> Any:
        if not arguments:
            return _wrong("auth")
        if not self._state.faults.of("redis").unauthorized:
            return Refusal(
                "ERR AUTH <password> called without any password configured for the default user. "
                "Are you sure your configuration is correct?"
            )
        if not hmac.compare_digest(arguments[-1].encode(), PASSWORD.encode()):
            return Refusal("WRONGPASS invalid username-password pair or user is disabled.")
        session.allowed = True
        return _OK

    def _do_hello(self, session: Session, arguments: list[str]) -> Any:
        if arguments and arguments[0] not in _PROTOCOLS:
            return Refusal("NOPROTO unsupported protocol version")
        upper = [a.upper() for a in arguments]
        if "AUTH" in upper:
            at = upper.index("AUTH")
            refused = self._do_auth(session, arguments[at + 1 : at + 3])
            if isinstance(refused, Refusal):
                return refused
        if not session.allowed:
            return Refusal(
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
                "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the "
                "RESP protocol version at the same time"
            )
        session.version = int(arguments[0]) if arguments else session.version
        return {
            "server": "redis",
            "version": _VERSION,
            "proto": session.version,
            "id": session.number,
            "mode": "standalone",
            "role": "master",
            "modules": [],
        }

    def _do_client(self, session: Session, arguments: list[str]) -> Any:
        match [a.upper() for a in arguments[:1]]:
            case ["SETNAME"]:
                session.name = arguments[-1]
                return _OK
            case ["SETINFO"]:
                session.library = arguments[-1]
                return _OK
            case ["GETNAME"]:
                return session.name or None
            case ["ID"]:
                return session.number
            case ["LIST"]:
                return "".join(
                    f"id={s.number} name={s.name} db={s.database} cmd=client\n" for s in self._every()
                )
            case _:
                return Refusal("ERR unknown subcommand. Try CLIENT HELP.")

    def _every(self) -> list[Session]:
        return list(self._sessions.values())

    def _do_dbsize(self, _session: Session, _arguments: list[str]) -> Any:
        return 18_204

    def _do_config(self, _session: Session, arguments: list[str]) -> Any:
        if len(arguments) < 2 or arguments[0].upper() != "GET":  # noqa: PLR2004 (CONFIG GET pattern)
            return Refusal("ERR unknown subcommand. Try CONFIG HELP.")
        patterns = [a.lower() for a in arguments[1:]]
        return {k: v for k, v in _CONFIG.items() if any(fnmatch.fnmatchcase(k, p) for p in patterns)}

    def _do_slowlog(self, _session: Session, arguments: list[str]) -> Any:
        unix = round(self._state.now.timestamp())
        entries: list[list[Any]] = [
            [7, unix - 840, 15_210, ["KEYS", "ticks:*"], "127.0.0.1:51024", "signal-worker"],
            [6, unix - 8100, 11_033, ["ZRANGE", "orders:open", "0", "-1"], "127.0.0.1:51019", "order-executor"],
        ]
        match [a.upper() for a in arguments[:1]]:
            case ["LEN"]:
                return len(entries)
            case ["GET"]:
                most = int(arguments[1]) if len(arguments) > 1 and arguments[1].isdigit() else 10
                return entries[:most]
            case _:
                return Refusal("ERR unknown subcommand. Try SLOWLOG HELP.")

    def _do_info(self, _session: Session, arguments: list[str]) -> Any:
        wanted = {a.lower() for a in arguments} - {"all", "default", "everything"}
        sections = self._sections()
        chosen = {k: v for k, v in sections.items() if not wanted or k.lower() in wanted}
        return "\r\n".join(
            f"# {name}\r\n" + "".join(f"{k}:{v}\r\n" for k, v in rows.items()) for name, rows in chosen.items()
        )

    def _sections(self) -> dict[str, dict[str, Any]]:
        redis = self._state.redis
        uptime = round((self._state.now - self._state.began).total_seconds())
        return {
            "Server": {"redis_version": _VERSION, "redis_mode": "standalone", "uptime_in_seconds": uptime},
            "Clients": {
                "connected_clients": 11 + len(self._sessions),
                "blocked_clients": 0,
                "maxclients": 10000,
            },
            "Memory": {
                "used_memory": redis.used,
                "used_memory_peak": 501_219_328,
                "maxmemory": redis.most,
                "maxmemory_policy": _CONFIG["maxmemory-policy"],
                "mem_fragmentation_ratio": 1.12,
            },
            "Persistence": {
                "loading": 0,
                "rdb_bgsave_in_progress": 0,
                "rdb_last_save_time": round(self._state.now.timestamp()) - 214,
                "rdb_last_bgsave_status": "ok" if redis.saving else "err",
                "rdb_changes_since_last_save": 118,
                "aof_enabled": 0,
            },
            "Stats": {
                "total_connections_received": 1201 + self._served,
                "total_commands_processed": 8_120_400 + self._commands,
                "rejected_connections": redis.rejected,
                "evicted_keys": 0,
                "keyspace_hits": 91_022,
                "keyspace_misses": 3_140,
            },
            "Replication": {"role": "master", "connected_slaves": 0},
            "Errorstats": {
                f"errorstat_{name}": f"count={count}"
                for name, count in (("NOAUTH", self._noauth), ("MISCONF", self._misconf))
                if count
            },
            "Keyspace": {"db0": "keys=18204,expires=17110,avg_ttl=41220"},
        }


def _wrong(command: str) -> Refusal:
    return Refusal(f"ERR wrong number of arguments for '{command}' command")


async def _garble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str) -> None:
    gone = asyncio.ensure_future(reader.read())
    pause = garbage.pause(kind)
    try:
        writer.write(garbage.data(kind))
        while pause and not gone.done():
            await asyncio.wait({gone}, timeout=pause)
            writer.write(garbage.data(kind))
        await writer.drain()
    finally:
        gone.cancel()
