"""Rooms, each as one text: nothing is asked of them but all."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "rooms",
        sa.Column("code", sa.String(16), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("used_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_rooms"),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("rooms")
