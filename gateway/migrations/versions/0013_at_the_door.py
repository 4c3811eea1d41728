"""What lets us in at an endpoint, and what attempts looked like on the wire.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("endpoint") as table:
        table.add_column(sa.Column("access", sa.LargeBinary(), nullable=True))
        table.add_column(sa.Column("access_sealed", sa.LargeBinary(), nullable=True))
    op.create_table(
        "exchange",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "day", "endpoint_id", "at", "sequence", "number"),
    )


def downgrade() -> None:
    op.drop_table("exchange")
    with op.batch_alter_table("endpoint") as table:
        for name in ("access", "access_sealed"):
            table.drop_column(name)
