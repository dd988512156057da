"""What Alembic runs: the steps of `versions`, on the connection that the store has opened."""

from __future__ import annotations

from alembic import context

from app.store.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
