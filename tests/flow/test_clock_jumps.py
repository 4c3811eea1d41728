"""The clock on the wall is put forward, and back: nothing waits for the time to come again, is lost or told twice."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from faults.receiver import receiving
from flow.conftest import demo_push

pytestmark = pytest.mark.both_databases

HOUR = 3_600


@pytest.fixture
def wall():
    """The clock on the wall, which goes on by itself."""
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        yield clock


@pytest.fixture
def settings(settings, wall):
    return settings.model_copy(update={"roles": ("api", "ingest", "poll", "dispatch")})


@pytest.mark.parametrize("jumps", [(HOUR, -HOUR), (-HOUR, HOUR), (-26 * HOUR, 50 * HOUR)])
async def test_after_a_jump_everything_goes_on_at_once(house, wall, jumps):
    account = await house.demo_account()
    async with receiving() as receiver:
        wish = {"url": receiver.url(), "event_types": ["shipment.event"], "ordering": "strict"}
        assert (await house.call("POST", "/v1/endpoints", wish)).status == 201

        async def live(day):
            """A parcel is registered, its carrier tells of it, its merchant hears of it and finds its recipient."""
            number, name = f"DEMO10020030{day}", ("Almeida", "Barbosa", "Cardoso")[day]
            start = datetime.now(UTC) - timedelta(hours=1)
            await house.shipment(number, ship_date=start.date().isoformat(), recipient={"name": name})
            pushed = await house.push(account, demo_push(number, "SORTED", start=start.isoformat()))
            assert pushed.status == 200

            async def is_found():
                answer = await house.call("GET", f"/v1/search?q={name}")
                return [one["tracking_number"] for one in answer.json["data"]] == [number]

            await house.until(lambda: len(receiver.got) > day)
            await house.until(is_found)

        await live(0)
        for day, jump in enumerate(jumps, 1):
            wall.shift(timedelta(seconds=jump))
            await live(day)
        assert len({got.id for got in receiver.got}) == len(receiver.got) == len(jumps) + 1
