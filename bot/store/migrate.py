"""Bring the database's schema to the version that this code needs; safe to call from every replica at once."""

from importlib import resources

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from bot.errors import ConfigError, UnreachableError

HEAD = "0012"
_LOCK = 0x4154_5342  # "ATSB": one migrator at a time


def current_version(url: str) -> str:
    """The schema version of the database, "" if it is empty.

    Raises:
        UnreachableError: the database does not answer.
    """
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            found = connection.execute("select to_regclass('alembic_version')").fetchone()
            if not found or found[0] is None:
                return ""
            row = connection.execute("select version_num from alembic_version").fetchone()
            return str(row[0]) if row else ""
    except psycopg.OperationalError as error:
        raise UnreachableError(f"The bot's database does not answer: {str(error).splitlines()[0]}") from None


def migrate(url: str) -> bool:
    """Upgrade to `HEAD`; True if something was done. Blocking: call it in a thread.

    Raises:
        ConfigError: the database was made by a newer version of ats-bot.
        UnreachableError: the database does not answer.
    """
    before = current_version(url)
    if before == HEAD:
        return False
    if before > HEAD:
        raise ConfigError(
            f"The database has schema {before}, newer than this ats-bot knows ({HEAD}). "
            "Install the newer ats-bot, or point ATS_DATABASE_URL at another database."
        )
    _upgrade(url)
    return True


def _upgrade(url: str) -> None:
    from alembic import command  # slow to import, and needed once in a version's life
    from alembic.config import Config

    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"select pg_advisory_lock({_LOCK})")
        try:
            config = Config()
            config.set_main_option("script_location", str(resources.files("bot.store") / "migrations"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        finally:
            connection.rollback()
            connection.exec_driver_sql(f"select pg_advisory_unlock({_LOCK})")
    engine.dispose()
