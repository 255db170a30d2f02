"""Runs migrations on the connection, and in the transaction, that the opener of the store hands over."""

from alembic import context

from cluster.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
