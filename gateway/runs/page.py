"""The courier's page: the stops of a run, and the one way in for what the courier does there.

An act is acknowledged only once it is on disk (`gateway.inbox`); from there it goes the way of any carrier's news.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson
from pydantic import ValidationError

from gateway import shipments
from gateway.api.calls import answer as answer_json
from gateway.api.calls import read_body
from gateway.api.problems import Problem, from_pydantic, invalid
from gateway.clock import now_ms
from gateway.inbox import NewPayload
from gateway.pages import links
from gateway.pages.serving import page, policy
from gateway.pages.statics import answer, statics
from gateway.pages.templates import render
from gateway.pages.tries import Tries
from gateway.proofs import store as proofs
from gateway.proofs.content import MOST_BYTES, BadProof, is_document
from gateway.proofs.places import PlaceTrouble
from gateway.proofs.store import Named
from gateway.runs import acts, listed, stops
from gateway.talk import conversation
from gateway.talk.conversation import LONGEST, Closed, Full, Saying
from gateway.texts import LANGUAGES, choose, days, speech
from normalizer.normalize import content_id

if TYPE_CHECKING:
    from aiohttp import web
    from sqlalchemy import Connection, RowMapping

    from gateway.app import Gateway
    from gateway.runs.acts import Reader
    from gateway.runs.listed import Utterance
    from gateway.talk.conversation import Said
    from gateway.texts import Speech

ROOT = f"/c/{links.PATTERN}"
_FILE = "{file_id:[A-Za-z0-9-]{8,64}}"
_MOST_BATCH_BYTES = 300_000
_PIN_TRIES, _PIN_SECONDS = 5, 900
_ASKS, _ASKS_SECONDS = 600, 60.0
_HEADERS = {
    "Cache-Control": "private, no-cache",
    # The page is there to tell where it is and to take photos; nothing else may.
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=(), payment=(), usb=()",
}
_MOST_PICTURES = 30
_PICTURES = ("photo", "signature")


class CourierPages:
    """The pages behind runs' links."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._pins = Tries(_PIN_TRIES, _PIN_SECONDS)
        self._asks = Tries(_ASKS, _ASKS_SECONDS)

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/c/worker.js", self.worker)
        app.router.add_get(ROOT, self.show)
        app.router.add_post(f"{ROOT}/acts", self.take)
        app.router.add_put(f"{ROOT}/files/{_FILE}", self.keep)
        app.router.add_get("/c/{rest:.*}", self.nothing)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the page."""

        def work(conn: Connection) -> tuple[RowMapping, list[RowMapping], dict[str, list[Utterance]]] | None:
            run = self._gateway.run_links.open(conn, request.match_info["token"], now_ms())
            if run is None:
                return None
            rows = stops.of_run(conn, run)
            return run, rows, listed.said(conn, self._gateway.vault, rows)

        found = await self._gateway.store.read(work)
        if found is None:
            return await self.nothing(request)
        run, rows, said = found
        spoken = _speech(request)
        token = request.match_info["token"]
        at = datetime.now(UTC)
        told = [listed.shown(self._gateway.vault, row, spoken, at, said.get(row["shipment_id"], [])) for row in rows]
        html = render(
            "courier.html",
            spoken,
            run=run,
            stops=told,
            title=spoken.say("work.title", day=days.day(spoken, date.fromisoformat(run["day"]), at.date(), "on")),
            done=sum(one.done for one in told),
            path=f"/c/{token}",
            own_address=_address(request),
            words=orjson.dumps(listed.words(spoken)).decode(),
            longest=LONGEST,
            tos=acts.TOS,
            reasons=acts.REASONS,
            languages=[speech(language) for language in LANGUAGES],
        )
        return page(request, html, csp=policy(), headers=_HEADERS)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Take what a phone sends; answer once it is on disk, act by act."""
        raw = await read_body(request, _MOST_BATCH_BYTES)
        try:
            batch = acts.Batch.model_validate_json(raw)
        except ValidationError as trouble:
            raise from_pydantic(trouble.errors(include_url=False, include_context=False, include_input=False)) from None
        run, rows = await self._run(request)
        now = now_ms()
        ids = [row["shipment_id"] for row in rows]
        kept = await self._gateway.store.read(lambda conn: proofs.kept_ids(conn, run["merchant_id"], ids))
        at = datetime.fromtimestamp(now / 1000, UTC)
        reader = acts.Reader(run, rows, self._gateway.vault, now=at, kept=kept, may_try=self._pins.allow)
        taken = reader.read(batch)
        await self._keep(run, reader, taken, now)
        for spoken in taken.sayings:
            await self._say(run, spoken, taken)
        if (body := reader.positions(batch, taken)) is not None:
            await self._gateway.inbox.keep(_payload(run, body, now))
        return answer_json({"taken": taken.ids, "refused": taken.refused})

    async def _keep(self, run: RowMapping, reader: Reader, taken: acts.Taken, now: int) -> None:
        """Keep the acts and where the stops stand in one transaction."""
        if taken.acts:
            inbox = self._gateway.inbox
            inbox.check_room()
            payload = _payload(run, reader.body(taken), now)
            await inbox.keep_with(payload, partial(stops.move, rows=taken.moves))
            for row in reader.ahead(taken):  # how many come first has changed
                self._gateway.positions.say((row["merchant_id"], row["shipment_id"]), "changed")

    async def _say(self, run: RowMapping, spoken: acts.Spoken, taken: acts.Taken) -> None:
        """Write down what the courier says; told twice it is said once."""
        gateway, merchant_id = self._gateway, run["merchant_id"]
        id_ = content_id("utt", run["id"], spoken.act_id)
        saying = Saying(author="courier", words=spoken.words, came_by="courier_page", id=id_)

        def work(conn: Connection) -> Said | None:
            row = shipments.get(conn, merchant_id, spoken.shipment_id)
            return None if row is None else conversation.say(conn, gateway.vault, row, saying, now_ms())

        try:
            said = await gateway.store.write(work)
        except (Closed, Full):
            taken.refused.append({"id": spoken.act_id, "reason": "closed"})
            return
        taken.ids.append(spoken.act_id)
        if said is not None:
            gateway.tell(said.entries)
            gateway.positions.say((merchant_id, spoken.shipment_id), "talk")

    async def keep(self, request: web.Request) -> web.StreamResponse:
        """Keep a photo or a signature. Its id is the phone's own: sent again, it is the same."""
        kind, stop_id = request.query.get("kind", ""), request.query.get("stop", "")
        if kind not in _PICTURES:
            raise invalid(("?kind", f"is none of {', '.join(_PICTURES)}"))
        run, rows = await self._run(request)
        stop = next((row for row in rows if row["id"] == stop_id), None)
        if stop is None:
            raise invalid(("?stop", "is no stop of this run"))
        named = Named(kind, request.match_info["file_id"], None)
        await self._check_room(run, stop["shipment_id"], named)
        body = await read_body(request, MOST_BYTES)
        if is_document(body):
            raise Problem("validation", "a photo or a signature is a picture, and no document")
        try:
            id_ = await self._gateway.proofs.keep(run["merchant_id"], stop["shipment_id"], named, body, now_ms())
        except BadProof as trouble:
            raise Problem("validation", str(trouble)) from None
        except PlaceTrouble:
            raise Problem("busy", headers={"Retry-After": "30"}) from None
        return answer_json({"id": id_}, 201)

    async def _check_room(self, run: RowMapping, shipment_id: str, one: Named) -> None:
        """Return if a picture is known, or one more may come: a link that got out fills no disk. Raises the problem."""
        merchant_id = run["merchant_id"]
        known = await self._gateway.store.read(lambda conn: proofs.kept_ids(conn, merchant_id, [shipment_id]))
        if (
            len(known) >= _MOST_PICTURES
            and proofs.proof_id(merchant_id, shipment_id, one.kind, one.reference) not in known
        ):
            raise Problem("validation", f"a parcel has at most {_MOST_PICTURES} pictures")

    async def _run(self, request: web.Request) -> tuple[RowMapping, list[RowMapping]]:
        """Return the run a phone works on, some time after its end as well. Raises the 404 and 429 problems."""
        token = request.match_info["token"]
        if not self._asks.allow(token):
            raise Problem("rate-limited", headers={"Retry-After": str(int(_ASKS_SECONDS))})

        def work(conn: Connection) -> tuple[RowMapping, list[RowMapping]] | None:
            run = self._gateway.run_links.open(conn, token, now_ms(), late=True)
            return None if run is None else (run, stops.of_run(conn, run, removed=True))

        found = await self._gateway.store.read(work)
        if found is None:
            raise Problem("not-found")
        return found

    async def worker(self, request: web.Request) -> web.StreamResponse:
        """Answer with the script that keeps the list for dead spots; it may look after these pages alone."""
        found = statics().files["courier-worker.js"]
        return answer(request, found, "no-cache", **{"Service-Worker-Allowed": "/c/"})

    async def nothing(self, request: web.Request) -> web.StreamResponse:
        """Answer what is no link as what is none any more."""
        html = render("courier-gone.html", _speech(request))
        return page(request, html, status=404, csp=policy(), headers={"Cache-Control": "private, no-store"})


def _payload(run: RowMapping, body: bytes, now: int) -> NewPayload:
    return NewPayload(
        merchant_id=run["merchant_id"],
        carrier=stops.CARRIER,
        account_id=None,
        source="push",
        received_at=now,
        body=body,
    )


def _speech(request: web.Request) -> Speech:
    return choose(request.query.get("lang"), request.headers.get("Accept-Language", ""))


def _address(request: web.Request) -> str:
    token, language = request.match_info["token"], request.query.get("lang", "")
    return f"/c/{token}?lang={quote(language)}" if language else f"/c/{token}"
