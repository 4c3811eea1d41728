"""Limits per account, subscriptions, hand-overs, second guesses and reused numbers.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("message_shipment", "message", ["merchant_id", "shipment_id", "sequence"], unique=False)
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("per_second", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("per_day", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("used_today", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("used_on", sa.Integer(), nullable=True))

    with op.batch_alter_table("shipment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("second_guess_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("ship_date", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("earlier_until", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("continues_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("continued_from_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("subscribe_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("subscribe_failures", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("subscription_refused", sa.String(), nullable=True))
        batch_op.create_index(
            "shipment_account_due",
            ["merchant_id", "account_id", "next_poll_at"],
            unique=False,
            sqlite_where=sa.text("next_poll_at is not null"),
            postgresql_where=sa.text("next_poll_at is not null"),
        )
        batch_op.create_index(
            "shipment_subscribe",
            ["subscribe_at"],
            unique=False,
            sqlite_where=sa.text("subscribe_at is not null"),
            postgresql_where=sa.text("subscribe_at is not null"),
        )


def downgrade() -> None:
    op.drop_index("message_shipment", "message")
    with op.batch_alter_table("shipment", schema=None) as batch_op:
        batch_op.drop_index(
            "shipment_account_due",
            sqlite_where=sa.text("next_poll_at is not null"),
            postgresql_where=sa.text("next_poll_at is not null"),
        )
        batch_op.drop_index(
            "shipment_subscribe",
            sqlite_where=sa.text("subscribe_at is not null"),
            postgresql_where=sa.text("subscribe_at is not null"),
        )
        batch_op.drop_column("subscription_refused")
        batch_op.drop_column("subscribe_failures")
        batch_op.drop_column("subscribe_at")
        batch_op.drop_column("continued_from_id")
        batch_op.drop_column("continues_id")
        batch_op.drop_column("earlier_until")
        batch_op.drop_column("ship_date")
        batch_op.drop_column("second_guess_at")

    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_column("used_on")
        batch_op.drop_column("used_today")
        batch_op.drop_column("per_day")
        batch_op.drop_column("per_second")
