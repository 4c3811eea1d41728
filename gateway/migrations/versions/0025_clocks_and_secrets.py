"""Carriers' clocks that run ahead, why a push to an account was refused, shops' old secrets, names of files.

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clock_ahead",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("payload_id", sa.String(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "carrier"),
    )
    with op.batch_alter_table("account") as table:
        table.add_column(sa.Column("refused_at", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("refusal", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("shop_account") as table:
        table.add_column(sa.Column("old_secrets", sa.LargeBinary(), nullable=True))
        table.add_column(sa.Column("old_until", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("import_job") as table:
        table.add_column(sa.Column("filename", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("import_job") as table:
        table.drop_column("filename")
    with op.batch_alter_table("shop_account") as table:
        table.drop_column("old_until")
        table.drop_column("old_secrets")
    with op.batch_alter_table("account") as table:
        table.drop_column("refusal")
        table.drop_column("refused_at")
    op.drop_table("clock_ahead")
