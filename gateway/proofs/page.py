"""Photo and signature on the tracking page, for whoever told the postcode: by links that end within minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateway.api.proofs import file_answer
from gateway.pages import links
from gateway.proofs import store
from gateway.proofs.places import PlaceTrouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from gateway.app import Gateway
    from gateway.pages.parts import Pages, Visit
    from gateway.pages.views import View
    from gateway.texts import Speech

_PATH = f"/t/{links.PATTERN}/proofs/{{proof_id:prf_[a-z0-9]+}}"


class ProofPart:
    """The pictures of a tracking page."""

    name = "pictures"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def add_to(self, app: web.Application, pages: Pages) -> None:
        """Add the address of one picture."""
        self._pages = pages
        app.router.add_get(_PATH, self.serve)

    def read(self, conn: Connection, visit: Visit) -> list[tuple[str, str]]:
        """Return the ids and kinds of pictures that are kept, for who told the postcode."""
        if not visit.proven:
            return []
        rows = store.of_shipment(conn, visit.opened.merchant_id, visit.opened.shipment_id)
        return [(row["id"], row["kind"]) for row in rows if _is_shown(row)]

    def words(
        self,
        read: list[tuple[str, str]],
        visit: Visit,
        view: View,  # noqa: ARG002 - the same for all
        speech: Speech,
    ) -> Mapping[str, Any] | None:
        """Return where each picture is and what it is."""
        sign = self._gateway.proof_links.path
        shown = [
            {"address": sign(visit.token, id_), "kind": kind, "words": speech.say(f"proof.{kind}")}
            for id_, kind in read
        ]
        return {"shown": shown} if shown else None

    async def shown(self, read: Any, visit: Visit, view: View) -> None:
        """Nothing follows from having been shown."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer with a picture."""
        gateway, id_ = self._gateway, request.match_info["proof_id"]
        token, query = request.match_info["token"], request.query
        opened = await self._pages.opened(request)
        if opened is None or not gateway.proof_links.good(token, id_, query.get("until", ""), query.get("sign", "")):
            raise web.HTTPNotFound
        row = await gateway.store.read(lambda conn: store.get(conn, opened.merchant_id, opened.shipment_id, id_))
        if row is None or not _is_shown(row):
            raise web.HTTPNotFound
        try:
            body = await gateway.proofs.read(row)
        except PlaceTrouble:
            raise web.HTTPServiceUnavailable from None
        if body is None:
            raise web.HTTPNotFound
        return file_answer(body, row["media_type"], row["id"])


def _is_shown(row: Mapping[Any, Any]) -> bool:
    return row["state"] == "kept" and str(row["media_type"]).startswith("image/")
