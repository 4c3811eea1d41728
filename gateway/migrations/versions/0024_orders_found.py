"""Orders are found as shipments are, and names by two words' beginnings: the index is made anew.

Revision ID: 0024
Revises: 0023
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TABLES = ("search_due", "search_entry")


def upgrade() -> None:
    _begin_anew()
    for table in _TABLES:
        op.execute(f"alter table {table} rename column shipment_id to subject_id")
    op.execute("insert into search_due (merchant_id, subject_id) select merchant_id, id from shipment")
    op.execute("insert into search_due (merchant_id, subject_id) select merchant_id, id from merchant_order")


def downgrade() -> None:
    _begin_anew()
    for table in _TABLES:
        op.execute(f"alter table {table} rename column subject_id to shipment_id")
    op.execute("insert into search_due (merchant_id, shipment_id) select merchant_id, id from shipment")


def _begin_anew() -> None:
    """Drop what the index holds, and take up all that is there as if it were new."""
    for table in _TABLES:
        op.execute(f"delete from {table}")  # noqa: S608 - one of two names
    if op.get_bind().dialect.name == "postgresql":
        op.execute("truncate search_index")
    else:
        op.execute("insert into search_index (search_index) values ('delete-all')")
