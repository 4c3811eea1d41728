"""Endpoints: how a merchant wants to be called, and what an attempt looked like.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("replay") as table:
        table.add_column(sa.Column("begin", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("which", sa.LargeBinary(), nullable=True))
        table.add_column(sa.Column("ended_at", sa.BigInteger(), nullable=True))
    op.execute('UPDATE replay SET "begin" = "cursor"')
    with op.batch_alter_table("replay") as table:
        table.alter_column("begin", existing_type=sa.BigInteger(), nullable=False)
    with op.batch_alter_table("lane") as table:
        table.add_column(sa.Column("pace", sa.Float(), nullable=True))
    with op.batch_alter_table("endpoint") as table:
        table.add_column(sa.Column("fields", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("endpoint") as table:
        for name in ("fields",):
            table.drop_column(name)
    with op.batch_alter_table("lane") as table:
        table.drop_column("pace")
    with op.batch_alter_table("replay") as table:
        for name in ("begin", "which", "ended_at"):
            table.drop_column(name)
