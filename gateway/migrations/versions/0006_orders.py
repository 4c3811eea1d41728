"""Orders, their events, what is in their shipments, imports of files, shops, and the trouble shipments are in.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "merchant_order",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
        sa.Column("destination", sa.LargeBinary(), nullable=True),
        sa.Column("recipient", sa.LargeBinary(), nullable=True),
        sa.Column("promised", sa.LargeBinary(), nullable=True),
        sa.Column("attributes", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("runs", sa.LargeBinary(), nullable=False),
        sa.Column("told_status", sa.String(), nullable=True),
        sa.Column("told_again", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id"),
        sa.UniqueConstraint("merchant_id", "order_number", name="merchant_order_number"),
    )
    op.create_index("merchant_order_updated", "merchant_order", ["merchant_id", "updated_at", "id"])
    op.create_index("merchant_order_status", "merchant_order", ["merchant_id", "status", "updated_at"])
    op.create_table(
        "order_event",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("substatus", sa.String(), nullable=False),
        sa.Column("case_name", sa.String(), nullable=False),
        sa.Column("parcel", sa.String(), nullable=False),
        sa.Column("items", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "id"),
    )
    op.create_table(
        "order_packed",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("shipment_id", sa.String(), nullable=False),
        sa.Column("case_name", sa.String(), nullable=False),
        sa.Column("items", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "shipment_id"),
    )
    op.create_table(
        "import_job",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "id"),
    )
    op.create_index(
        "import_job_open",
        "import_job",
        ["merchant_id", "id"],
        sqlite_where=sa.text("finished_at is null"),
        postgresql_where=sa.text("finished_at is null"),
    )
    op.create_index("import_job_finished", "import_job", ["finished_at"])
    op.create_table(
        "import_line",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("import_id", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("made_id", sa.String(), nullable=True),
        sa.Column("problem", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "import_id", "line"),
    )
    op.create_table(
        "shop_account",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("shop", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("order_prefix", sa.String(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id"),
        sa.UniqueConstraint("id", name="shop_account_id"),
    )
    op.create_table(
        "shop_push",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("shop", sa.String(), nullable=False),
        sa.Column("headers", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("waits_for", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "id"),
    )
    op.create_index(
        "shop_push_kept",
        "shop_push",
        ["id"],
        sqlite_where=sa.text("state = 'kept'"),
        postgresql_where=sa.text("state = 'kept'"),
    )
    op.create_index(
        "shop_push_waiting",
        "shop_push",
        ["merchant_id", "account_id", "waits_for"],
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index("shop_push_time", "shop_push", ["id"])
    op.create_table(
        "shop_order",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("shop_order", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "account_id", "shop_order"),
    )
    op.create_index("shop_order_ours", "shop_order", ["merchant_id", "order_id"])
    op.add_column("shipment", sa.Column("trouble", sa.LargeBinary(), nullable=True))
    op.add_column("shipment", sa.Column("trouble_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "shipment_look",
        "shipment",
        ["trouble_at"],
        sqlite_where=sa.text("trouble_at is not null"),
        postgresql_where=sa.text("trouble_at is not null"),
    )
    op.create_table(
        "shipment_trouble",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("shipment_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "shipment_id", "kind"),
    )
    op.create_index("shipment_trouble_kind", "shipment_trouble", ["merchant_id", "kind", "since"])


def downgrade() -> None:
    op.drop_table("shop_order")
    op.drop_table("shop_push")
    op.drop_table("shop_account")
    op.drop_table("import_line")
    op.drop_table("import_job")
    op.drop_table("shipment_trouble")
    op.drop_index("shipment_look", "shipment")
    op.drop_column("shipment", "trouble_at")
    op.drop_column("shipment", "trouble")
    op.drop_table("order_packed")
    op.drop_table("order_event")
    op.drop_table("merchant_order")
