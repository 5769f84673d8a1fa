"""What Alembic runs: the migrations, on the connection that catalogue.migrate hands over.

Nothing is configured here; the transaction is the caller's.
"""

from __future__ import annotations

from alembic import context

from catalogue.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,  # SQLite cannot alter most of a table in place
)
with context.begin_transaction():
    context.run_migrations()
