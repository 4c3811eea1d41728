"""The tickets in the links of notices.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("wish", sa.Column("ticket_hash", sa.LargeBinary(), nullable=True))
    op.create_index("wish_ticket", "wish", ["ticket_hash"], unique=True)


def downgrade() -> None:
    op.drop_index("wish_ticket", "wish")
    op.drop_column("wish", "ticket_hash")
