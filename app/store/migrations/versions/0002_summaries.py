"""Of each run what a list of runs shows of it."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """Add the column; a run gets its summary with its next checkpoint."""
    op.add_column("runs", sa.Column("summary", sa.Text))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("runs", "summary")
