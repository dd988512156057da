"""Runs, their changes and checkpoints, and what was uploaded."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("name", sa.String(200)),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("opened_at", sa.Float, nullable=False),
        sa.Column("used_at", sa.Float, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("first_config", sa.Text, nullable=False),
        sa.Column("kept", sa.Text, nullable=False),
        sa.Column("upload_id", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name="fk_runs_upload_id"),
    )
    op.create_index("ix_runs_used_at", "runs", ["used_at"])
    op.create_table(
        "changes",
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("step", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("lane", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("knobs", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "step", "lane", name="pk_changes"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_changes_run_id", ondelete="CASCADE"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("step", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("file", sa.String(200), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("made_at", sa.Float, nullable=False),
        sa.Column("made_on", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "step", name="pk_checkpoints"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_checkpoints_run_id", ondelete="CASCADE"),
    )


def downgrade() -> None:
    """Take them away."""
    for name in ("checkpoints", "changes", "runs", "uploads"):
        op.drop_table(name)
