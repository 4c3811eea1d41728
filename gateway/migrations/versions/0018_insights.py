"""Insights: what ended is counted, what is normal is learned, and when a shipment will arrive is foretold.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shipment", sa.Column("predicted", sa.LargeBinary(), nullable=True))
    op.create_table(
        "insight_due",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("shipment_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "shipment_id"),
    )
    op.create_table(
        "outcome",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("shipment_id", sa.String(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("counted", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "shipment_id"),
    )
    op.create_index("outcome_day", "outcome", ["merchant_id", "day"])
    op.create_table(
        "tally",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("bin", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "measure", "day", "carrier", "service", "origin", "destination", "bin"),
    )
    op.create_table(
        "norm",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("weights", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "kind"),
    )
    op.create_index("norm_month", "norm", ["merchant_id", "month"])
    op.create_table(
        "arrival_said",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("shipment_id", sa.String(), nullable=False),
        sa.Column("voice", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("arrival", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "shipment_id", "voice", "at"),
    )
    op.create_index("arrival_said_at", "arrival_said", ["merchant_id", "at"])
    # What ended before is learned from as well.
    op.execute(
        "insert into insight_due (merchant_id, shipment_id) select merchant_id, id from shipment "
        "where direction = 'outbound' and status in ('available_for_pickup', 'delivered', 'returned', 'refunded')"
    )


def downgrade() -> None:
    for table in ("arrival_said", "norm", "tally", "outcome", "insight_due"):
        op.drop_table(table)
    with op.batch_alter_table("shipment") as batch:
        batch.drop_column("predicted")
