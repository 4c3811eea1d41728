"""Proofs of delivery: listed, read, and put together on a sheet for a claim."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from gateway import shipments
from gateway.api import answers
from gateway.api.calls import STAFF, Ask, Calls, listing
from gateway.api.problems import Problem
from gateway.api.shipments import found, whole
from gateway.history import event_bodies
from gateway.pages import branding
from gateway.proofs import sheet, store
from gateway.proofs.places import PlaceTrouble
from normalizer import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.pages.branding import Brand

CALLS = Calls("Proofs")
FILE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
"""A file from outside is shown as what it is and may do nothing."""
_BUSY = {"Retry-After": "30"}
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}


@CALLS.add(
    "GET",
    "/v1/shipments/{shipment_id}/proofs",
    "The proofs of delivery that are files: kept, or still to come.",
    roles=STAFF,
    answers={200: answers.ProofFiles},
    problems=("not-found",),
)
async def find(ask: Ask) -> web.StreamResponse:
    """List a shipment's proofs."""
    merchant_id, shipment_id = ask.merchant_id, ask.path("shipment_id")

    def work(conn: Connection) -> list[RowMapping]:
        found(shipments.get(conn, merchant_id, shipment_id))
        return store.of_shipment(conn, merchant_id, shipment_id)

    return listing([_document(row) for row in await ask.gateway.store.read(work)])


@CALLS.add(
    "GET",
    "/v1/shipments/{shipment_id}/proofs/{proof_id}",
    "One proof: a JPEG, a PNG or a PDF, without what a phone writes into a photo.",
    roles=STAFF,
    answers={200: None},
    files=tuple(_ENDINGS),
    problems=("not-found", "busy"),
    personal=True,
)
async def get(ask: Ask) -> web.StreamResponse:
    """Answer with a proof's bytes."""
    merchant_id, shipment_id, id_ = ask.merchant_id, ask.path("shipment_id"), ask.path("proof_id")
    row = await ask.gateway.store.read(lambda conn: store.get(conn, merchant_id, shipment_id, id_))
    body = None if row is None or row["state"] != "kept" else await _read(ask, row)
    if row is None or body is None:
        raise Problem("not-found")
    return file_answer(body, row["media_type"], row["id"])


@CALLS.add(
    "GET",
    "/v1/shipments/{shipment_id}/proof-sheet",
    "All that proves a delivery on one PDF, for a claim: what, when, where, to whom, and the proofs themselves.",
    roles=STAFF,
    answers={200: None},
    files=("application/pdf",),
    problems=("not-found", "busy"),
    personal=True,
)
async def proof_sheet(ask: Ask) -> web.StreamResponse:
    """Answer with a shipment's proof sheet."""
    merchant_id, shipment_id = ask.merchant_id, ask.path("shipment_id")

    def work(conn: Connection) -> tuple[RowMapping, list[bytes], list[RowMapping], Brand]:
        row = found(shipments.get(conn, merchant_id, shipment_id))
        proofs = store.of_shipment(conn, merchant_id, shipment_id)
        return row, event_bodies(conn, row), proofs, branding.of(conn, merchant_id)

    row, bodies, proofs, brand = await ask.gateway.store.read(work)
    kept = [
        sheet.Exhibit(proof["kind"], proof["media_type"], proof["digest"], proof["kept_at"], body)
        for proof in proofs
        if proof["state"] == "kept" and (body := await _read(ask, proof)) is not None
    ]
    document = await whole(ask, row)
    events = [orjson.loads(body) for body in bodies]
    pdf = await asyncio.to_thread(sheet.draw, document, events, kept, brand.name, ask.now)
    return file_answer(pdf, "application/pdf", f"proof-{shipment_id}")


async def _read(ask: Ask, row: RowMapping) -> bytes | None:
    try:
        return await ask.gateway.proofs.read(row)
    except PlaceTrouble:
        raise Problem("busy", "the place where proofs are kept cannot be reached", headers=_BUSY) from None


def file_answer(body: bytes, media_type: str, name: str) -> web.Response:
    """Answer with a file: pictures are shown, documents are saved."""
    shows = "inline" if media_type.startswith("image/") else "attachment"
    disposition = f'{shows}; filename="{name}.{_ENDINGS[media_type]}"'
    headers = FILE_HEADERS | {"Content-Disposition": disposition}
    return web.Response(body=body, content_type=media_type, headers=headers)


def _document(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "state": row["state"],
        "reason": row["reason"] or None,
        "media_type": row["media_type"] or None,
        "size": row["size"] or None,
        "sha256": row["digest"] or None,
        "created_at": render.millis_instant(row["created_at"]),
        "kept_at": render.millis_instant(row["kept_at"]),
    }
