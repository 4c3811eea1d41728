"""What a gateway does by itself begins soon after its start, however often it is started anew."""

import pytest
from sqlalchemy import update

from gateway import app
from gateway.cadence import SILENCE_ENDS
from gateway.clock import now_ms
from gateway.tables import Tables


@pytest.fixture
def settings(settings, monkeypatch):
    monkeypatch.setattr(app, "_SETTLED", 1.0)
    return settings


async def test_silent_shipments_expire_without_an_hour_of_running(house):
    id_ = await house.shipment()
    silent = update(Tables.shipment).values(updated_at=now_ms() - SILENCE_ENDS - 1)
    await house.gateway.store.write(lambda conn: conn.execute(silent))

    async def is_expired():
        return (await house.call("GET", f"/v1/shipments/{id_}")).json["status"] == "expired"

    await house.until(is_expired)
