"""Of each run that a room has opened, which one: at the next start those are found that no room knows of."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"


def upgrade() -> None:
    """Add the column; runs of before are nobody's."""
    op.add_column("runs", sa.Column("room", sa.String(16)))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("runs", "room")
