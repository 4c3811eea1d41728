"""Forms of pages anybody may post to: what cannot be read is a form without fields, and never a fault of ours."""

import pytest

URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
ODD = [
    (URLENCODED, b"\xff=\xfe"),
    (f"{URLENCODED}; charset=nonsense", b"do=%ff"),
    ("multipart/form-data", b"no boundary"),
    (MULTIPART, b"--x\r\ngarbage"),
    (MULTIPART, b"--x\r\n" + b"A" * 20_000),
    (MULTIPART, b'--x\r\nContent-Disposition: form-data; name="do"; filename="a"\r\n\r\nstop\r\n--x--\r\n'),
    (MULTIPART, b"--x\r\nContent-Disposition: form-data\r\n\r\nstop\r\n--x--\r\n"),
    (
        MULTIPART,
        b'--x\r\nContent-Disposition: form-data; name="do"\r\nContent-Type: a/b; charset=z\r\n\r\nx\r\n--x--\r\n',
    ),
    (
        MULTIPART,
        b'--x\r\nContent-Disposition: form-data; name="do"\r\nContent-Transfer-Encoding: z\r\n\r\nx\r\n--x--\r\n',
    ),
]


@pytest.fixture
async def paths(house):
    """Where anybody may post a form: the page behind a notice's links, a tracking page, the console's door."""
    shipment_id = await house.shipment()
    wish = {"channel": "email", "address": "ines@example.com", "consent": {"how": "checkout"}}
    made = await house.call("POST", f"/v1/shipments/{shipment_id}/subscriptions", wish)
    ticket = house.gateway.tickets.of(house.merchant_id, made.json["id"])
    page = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["tracking_url"]
    return [f"/n/{ticket}", page.removeprefix("https://hub.example") + "/wish", "/console/sign-in"]


@pytest.mark.parametrize(("kind", "body"), ODD)
async def test_a_form_that_cannot_be_read_is_the_callers_fault_and_does_nothing(house, paths, kind, body):
    for path in paths:
        answer = await house.call("POST", path, data=body, headers={"Content-Type": kind}, key=None)
        assert 400 <= answer.status < 500, (path, answer.body)


async def test_a_mail_program_may_send_its_one_click_as_multipart(house, paths):
    body = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    done = await house.call("POST", paths[0], data=body, headers={"Content-Type": MULTIPART}, key=None)
    assert (done.status, done.body) == (200, b"")
    assert "Nothing is sent to" in (await house.call("GET", paths[0], key=None)).body.decode()
