"""In which browser a recipient wrote.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("utterance") as table:
        table.add_column(sa.Column("browser", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("utterance") as table:
        table.drop_column("browser")
