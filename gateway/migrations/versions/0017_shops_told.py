"""Shops are told what becomes of their parcels.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shop_account", sa.Column("told_until", sa.BigInteger(), nullable=True))
    op.add_column("shop_account", sa.Column("tell_at", sa.BigInteger(), nullable=True))
    op.add_column("shop_account", sa.Column("tell_failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("shop_account", sa.Column("told_trouble", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "shop_fulfilment",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("shipment_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("fulfilment", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "shipment_id"),
    )


def downgrade() -> None:
    op.drop_table("shop_fulfilment")
    with op.batch_alter_table("shop_account") as batch:
        for name in ("told_trouble", "tell_failures", "tell_at", "told_until"):
            batch.drop_column(name)
