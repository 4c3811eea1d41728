"""When a shop's last push came, and why one was last refused.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_LAST = """
update shop_account set pushed_at = (
    select max(received_at) from shop_push
    where shop_push.merchant_id = shop_account.merchant_id and shop_push.account_id = shop_account.id
)
"""


def upgrade() -> None:
    with op.batch_alter_table("shop_account") as table:
        table.add_column(sa.Column("pushed_at", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("refused_at", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("refusal", sa.String(), nullable=False, server_default=""))
    op.execute(_LAST)


def downgrade() -> None:
    with op.batch_alter_table("shop_account") as table:
        table.drop_column("refusal")
        table.drop_column("refused_at")
        table.drop_column("pushed_at")
