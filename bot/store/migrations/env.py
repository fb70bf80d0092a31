"""Alembic environment: online only, on the connection that `bot.store.migrate` hands over."""

from alembic import context

from bot.store import tables

context.configure(connection=context.config.attributes["connection"], target_metadata=tables.SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
