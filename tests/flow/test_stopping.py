"""A gateway ends in order, whatever its database says."""

import sqlite3
from contextlib import closing

import pytest
from faults.receiver import receiving


@pytest.mark.sqlite_only
async def test_results_that_a_locked_file_does_not_take_do_not_keep_it_from_ending(impatient, house):
    dispatcher = house.gateway.dispatcher
    async with receiving() as receiver:
        made = await house.call("POST", "/v1/endpoints", {"url": receiver.url()})
        assert made.status == 201, made.body
        with closing(sqlite3.connect(house.gateway.store.path)) as other:

            async def lock(_got):
                other.execute("begin immediate")
                return 200

            receiver.plan["/hook"] = [lock]
            await house.tell(await house.demo_account(), "DEMO100200302", "PICKED_UP")
            await house.until(lambda: bool(dispatcher.stats()["results_stuck"]))
            await house.gateway.stop()
    assert house.gateway.store._closed
