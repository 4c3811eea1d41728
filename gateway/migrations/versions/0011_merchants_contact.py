"""A merchant's contact address, and the news that waits to be mailed there.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("merchant") as table:
        table.add_column(sa.Column("contact_email", sa.String(), nullable=True))
    op.create_table(
        "alert",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "message_id"),
    )
    op.create_index("alert_due", "alert", ["due_at"])


def downgrade() -> None:
    op.drop_table("alert")
    with op.batch_alter_table("merchant") as table:
        table.drop_column("contact_email")
