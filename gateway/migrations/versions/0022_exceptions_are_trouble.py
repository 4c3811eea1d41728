"""What a carrier reports an exception of is looked at once: lost, damaged and other exceptions are trouble now.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("update shipment set trouble_at = 0 where status = 'exception' and tracking")


def downgrade() -> None:
    pass
