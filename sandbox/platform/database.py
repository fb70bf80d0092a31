"""The trading platform's own database: tables and rows that a person would believe."""

import random
from datetime import UTC, datetime, timedelta

import psycopg

_TABLES = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version text PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS trades (
    id bigint PRIMARY KEY,
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity numeric NOT NULL,
    price numeric NOT NULL,
    pnl numeric NOT NULL,
    executed_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS trades_executed_at ON trades (executed_at);
CREATE TABLE IF NOT EXISTS positions (
    symbol text PRIMARY KEY,
    quantity numeric NOT NULL,
    average_price numeric NOT NULL
);
"""
_MIGRATIONS = (
    ("20250103090000", "create_trades"),
    ("20250207143000", "create_positions"),
    ("20250322081500", "index_trades_executed_at"),
    ("20250519102000", "pnl_as_numeric"),
    ("20250814070000", "drop_legacy_signals"),
    ("20251102113000", "trades_side_check"),
)
_POSITIONS = (("BTC-USD", 0.84, 91880.5), ("ETH-USD", 12.5, 3204.1), ("SOL-USD", -140, 244.7))
_TRADES = 400


async def seed_database(url: str) -> None:
    """Create the tables and their rows where they are missing; running it again changes nothing.

    Args:
        url: a PostgreSQL URL whose role may create tables. Never the bot's own database.
    """
    async with await psycopg.AsyncConnection.connect(url) as connection, connection.cursor() as cursor:
        # Two starters at once would both find the tables missing.
        await cursor.execute("SELECT pg_advisory_xact_lock(7203001)")
        await cursor.execute(_TABLES)
        began = datetime.now(UTC) - timedelta(days=9)
        await cursor.executemany(
            "INSERT INTO schema_migrations VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [(version, name, began) for version, name in _MIGRATIONS],
        )
        await cursor.executemany("INSERT INTO positions VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", _POSITIONS)
        await cursor.executemany(
            "INSERT INTO trades VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [_trade(number) for number in range(1, _TRADES + 1)],
        )


def _trade(number: int) -> tuple[int, str, str, float, float, float, datetime]:
    dice = random.Random(number)
    symbol, price = dice.choice((("BTC-USD", 94210.5), ("ETH-USD", 3318.2), ("SOL-USD", 241.9)))
    return (
        number,
        symbol,
        dice.choice(("buy", "sell")),
        round(dice.uniform(0.01, 2), 4),
        round(price * dice.uniform(0.99, 1.01), 2),
        round(dice.gauss(20, 60), 2),
        datetime.now(UTC) - timedelta(seconds=45 * (_TRADES - number)),
    )
