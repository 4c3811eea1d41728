"""The first tables.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_reason", sa.String(), nullable=False),
        sa.Column("state_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id"),
        sa.UniqueConstraint("id", name="account_id"),
    )
    op.create_table(
        "api_key",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("merchant_id", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("origins", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("hash"),
    )
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.create_index("api_key_merchant", ["merchant_id"], unique=False)

    op.create_table(
        "attempt",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("ms", sa.Integer(), nullable=False),
        sa.Column("ip", sa.String(), nullable=True),
        sa.Column("response", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "endpoint_id", "sequence", "at", "number"),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index("attempt_at", ["merchant_id", "endpoint_id", "at"], unique=False)

    op.create_table(
        "dead",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "endpoint_id", "sequence"),
    )
    op.create_table(
        "endpoint",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("event_types", sa.LargeBinary(), nullable=False),
        sa.Column("filter", sa.LargeBinary(), nullable=True),
        sa.Column("ordering", sa.String(), nullable=False),
        sa.Column("rate_per_second", sa.Float(), nullable=True),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("timeout_ms", sa.Integer(), nullable=False),
        sa.Column("schedule", sa.LargeBinary(), nullable=True),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_reason", sa.String(), nullable=False),
        sa.Column("state_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id"),
    )
    with op.batch_alter_table("endpoint", schema=None) as batch_op:
        batch_op.create_index("endpoint_changed", ["changed_at"], unique=False)

    op.create_table(
        "event",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("shipment_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sort_at", sa.BigInteger(), nullable=False),
        sa.Column("carrier_order", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("substatus", sa.String(), nullable=False),
        sa.Column("moves", sa.String(), nullable=False),
        sa.Column("going_back", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("piece", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "shipment_id", "id"),
    )
    op.create_table(
        "idempotency",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "key"),
    )
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.create_index("idempotency_age", ["at"], unique=False)

    op.create_table(
        "lane",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=False),
        sa.Column("breaker", sa.String(), nullable=False),
        sa.Column("breaker_step", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.BigInteger(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "endpoint_id"),
    )
    op.create_table(
        "merchant",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "message",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("shipment_id", sa.String(), nullable=True),
        sa.Column("shipment_version", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "sequence"),
        sa.UniqueConstraint("merchant_id", "id", name="message_id"),
    )
    op.create_table(
        "payload",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("numbers", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id"),
    )
    with op.batch_alter_table("payload", schema=None) as batch_op:
        batch_op.create_index("payload_time", ["id"], unique=False)
        batch_op.create_index(
            "payload_waiting",
            ["id"],
            unique=False,
            sqlite_where=sa.text("state = 'kept'"),
            postgresql_where=sa.text("state = 'kept'"),
        )

    op.create_table(
        "position",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("shipment_id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "shipment_id"),
    )
    op.create_table(
        "replay",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("event_types", sa.LargeBinary(), nullable=True),
        sa.Column("only_failed", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "endpoint_id", "id"),
    )
    op.create_table(
        "retry",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("shipment_id", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("run_at", sa.BigInteger(), nullable=False),
        sa.Column("parked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "endpoint_id", "sequence"),
    )
    op.create_table(
        "shipment",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("tracking_number", sa.String(), nullable=False),
        sa.Column("number_key", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("order_number", sa.String(), nullable=True),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("destination", sa.LargeBinary(), nullable=True),
        sa.Column("recipient", sa.LargeBinary(), nullable=True),
        sa.Column("promised", sa.LargeBinary(), nullable=True),
        sa.Column("attributes", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("substatus", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("told", sa.LargeBinary(), nullable=False),
        sa.Column("runs", sa.LargeBinary(), nullable=False),
        sa.Column("last_event_at", sa.BigInteger(), nullable=True),
        sa.Column("carrier_set_by", sa.String(), nullable=False),
        sa.Column("tracking", sa.Boolean(), nullable=False),
        sa.Column("next_poll_at", sa.BigInteger(), nullable=True),
        sa.Column("polled_at", sa.BigInteger(), nullable=True),
        sa.Column("poll_failures", sa.Integer(), nullable=False),
        sa.Column("not_found", sa.Integer(), nullable=False),
        sa.Column("poll_digest", sa.LargeBinary(), nullable=True),
        sa.Column("pushed_at", sa.BigInteger(), nullable=True),
        sa.Column("subscribed_until", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id"),
        sa.UniqueConstraint("merchant_id", "carrier", "number_key", name="shipment_number"),
    )
    with op.batch_alter_table("shipment", schema=None) as batch_op:
        batch_op.create_index("shipment_any_carrier", ["merchant_id", "number_key"], unique=False)
        batch_op.create_index(
            "shipment_due",
            ["next_poll_at"],
            unique=False,
            sqlite_where=sa.text("next_poll_at is not null"),
            postgresql_where=sa.text("next_poll_at is not null"),
        )
        batch_op.create_index("shipment_order", ["merchant_id", "order_number"], unique=False)
        batch_op.create_index("shipment_status", ["merchant_id", "status", "updated_at"], unique=False)
        batch_op.create_index("shipment_updated", ["merchant_id", "updated_at", "id"], unique=False)

    op.create_table(
        "stream",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id"),
    )
    with op.batch_alter_table("stream", schema=None) as batch_op:
        batch_op.create_index("stream_moved", ["moved_at"], unique=False)

    op.create_table(
        "unlisted_code",
        sa.Column("merchant_id", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("example", sa.String(), nullable=False),
        sa.Column("payload_id", sa.String(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "carrier", "code"),
    )


def downgrade() -> None:
    op.drop_table("unlisted_code")
    with op.batch_alter_table("stream", schema=None) as batch_op:
        batch_op.drop_index("stream_moved")

    op.drop_table("stream")
    with op.batch_alter_table("shipment", schema=None) as batch_op:
        batch_op.drop_index("shipment_updated")
        batch_op.drop_index("shipment_status")
        batch_op.drop_index("shipment_order")
        batch_op.drop_index(
            "shipment_due",
            sqlite_where=sa.text("next_poll_at is not null"),
            postgresql_where=sa.text("next_poll_at is not null"),
        )
        batch_op.drop_index("shipment_any_carrier")

    op.drop_table("shipment")
    op.drop_table("retry")
    op.drop_table("replay")
    op.drop_table("position")
    with op.batch_alter_table("payload", schema=None) as batch_op:
        batch_op.drop_index(
            "payload_waiting", sqlite_where=sa.text("state = 'kept'"), postgresql_where=sa.text("state = 'kept'")
        )
        batch_op.drop_index("payload_time")

    op.drop_table("payload")
    op.drop_table("message")
    op.drop_table("merchant")
    op.drop_table("lane")
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.drop_index("idempotency_age")

    op.drop_table("idempotency")
    op.drop_table("event")
    with op.batch_alter_table("endpoint", schema=None) as batch_op:
        batch_op.drop_index("endpoint_changed")

    op.drop_table("endpoint")
    op.drop_table("dead")
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index("attempt_at")

    op.drop_table("attempt")
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.drop_index("api_key_merchant")

    op.drop_table("api_key")
    op.drop_table("account")
