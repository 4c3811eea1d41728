"""The proof sheet: all that proves a delivery, on paper, for a claim. Plain English; times as they were there."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from gateway.pages.views import carrier_name
from gateway.proofs import fonts
from gateway.texts import speech
from normalizer import render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MARGIN = 18 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_HIGHEST = 85 * mm
_LABELS = 38 * mm
_HISTORY = (38 * mm, 48 * mm, 44 * mm, _WIDTH - 130 * mm)
_GREY = colors.HexColor("#5a6270")
_LINE = colors.HexColor("#d5d9de")


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One proof with its bytes. `kept_at` in epoch milliseconds; `digest` is SHA-256 in hex."""

    kind: str
    media_type: str
    digest: str
    kept_at: int
    body: bytes


def draw(
    shipment: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    exhibits: Sequence[Exhibit],
    shop: str,
    now: int,
) -> bytes:
    """Return the sheet as PDF. `shipment` and `events` (oldest first) are documents as the merchant sees them."""
    fonts.letters()
    out = io.BytesIO()
    made = render.millis_instant(now - now % 1000)

    def foot(canvas: Any, page: Any) -> None:
        canvas.setFont(fonts.FACE, 7)
        canvas.setFillColor(_GREY)
        line = f"{fonts.writable(shop)} · shipment {shipment['id']} · made {made}"
        canvas.drawString(_MARGIN, 10 * mm, line)
        canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, f"page {page.page}")

    paper = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=f"Proof of delivery {fonts.writable(shipment['tracking_number'])}",
        author=fonts.writable(shop),
        creator="carrier-gateway",
        invariant=True,
    )
    parts = [
        _words("Proof of delivery", _TITLE),
        _facts(shipment, shop),
        _words("History", _HEADING),
        _history(events),
        *_exhibits(exhibits),
    ]
    paper.build(parts, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


_PLAIN = ParagraphStyle("plain", fontName=fonts.FACE, fontSize=8.5, leading=11.5)
_SMALL = ParagraphStyle("small", parent=_PLAIN, fontSize=7, leading=9, textColor=_GREY)
_TITLE = ParagraphStyle("title", fontName=fonts.BOLD, fontSize=18, leading=22, spaceAfter=4 * mm)
_HEADING = ParagraphStyle(
    "heading", fontName=fonts.BOLD, fontSize=11, leading=14, spaceBefore=6 * mm, spaceAfter=2 * mm
)


def _words(text: str, style: ParagraphStyle = _PLAIN) -> Paragraph:
    return Paragraph(escape(fonts.writable(text)).replace("\n", "<br/>"), style)


def _facts(of: Mapping[str, Any], shop: str) -> Table:
    rows = [[_words(name, _SMALL), _words(value)] for name, value in _told(of, shop) if value]
    table = Table(rows, colWidths=(_LABELS, _WIDTH - _LABELS))
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE)]))
    return table


def _told(of: Mapping[str, Any], shop: str) -> Iterator[tuple[str, str]]:
    spoken = speech("en")
    yield "Sender", shop
    yield "Carrier", carrier_name(of["carrier"])
    yield "Tracking number", of["tracking_number"]
    yield "Order", of["order_number"] or ""
    yield "Status", f"{spoken.status(of['status'])}: {spoken.status(of['status'], of['substatus'])}"
    yield "Delivered at", _clock(of["delivered_at"])
    yield "Delivery attempts", str(of["delivery_attempts"] or "")
    yield "Sent to", "\n".join(_address(of["recipient"] or of["destination"] or {}))
    yield "Signed by", of["signed_by"] or ""
    told = [spoken.say(f"proof.{one['kind']}") + (f" ({one['text']})" if one["text"] else "") for one in of["proofs"]]
    yield "Proofs told", "\n".join(dict.fromkeys(told))


def _address(of: Mapping[str, Any]) -> list[str]:
    town = " ".join(part for part in (of.get("postal_code"), of.get("city")) if part)
    lines = (of.get("name"), of.get("street"), town, of.get("region"), of.get("country"))
    return [line for line in lines if line]


def _history(events: Sequence[Mapping[str, Any]]) -> Table:
    spoken = speech("en")
    rows = [[_words(name, _SMALL) for name in ("When", "What", "Where", "The carrier's words")]]
    for event in events:
        read = event.get("counts_as") or event
        where = [
            part for part in ((event.get("place") or {}).get(name) for name in ("facility", "city", "country")) if part
        ]
        point = event.get("place") or {}
        if event["place_basis"] == "carrier" and point.get("latitude") is not None:
            where.append(f"{point['latitude']:.5f}, {point['longitude']:.5f}")
        words = ", ".join(part for part in (event["text"], event["code"] and f"[{event['code']}]") if part)
        rows.append(
            [
                _words(_when(event)),
                _words(spoken.status(read["status"], read["substatus"])),
                _words("\n".join(where)),
                _words(words),
            ]
        )
    table = Table(rows, colWidths=_HISTORY, repeatRows=1)
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE)]))
    return table


def _when(event: Mapping[str, Any]) -> str:
    """Return the clock where it happened with its offset, else the instant."""
    if event.get("local_time") and event.get("utc_offset"):
        return f"{_clock(event['local_time'])} {event['utc_offset']}"
    return _clock(event.get("at") or event.get("local_time"))


def _clock(text: str | None) -> str:
    if text is None:
        return ""
    plain = text.replace("T", " ")
    return f"{plain[:-1].partition('.')[0]} UTC" if plain.endswith("Z") else plain.partition(".")[0]


def _exhibits(exhibits: Sequence[Exhibit]) -> Iterator[Any]:
    for number, one in enumerate(exhibits, 1):
        kept = render.millis_instant(one.kept_at - one.kept_at % 1000)
        parts: list[Any] = [_words(f"Exhibit {number}: {one.kind}", _HEADING)]
        if one.media_type.startswith("image/"):
            parts.append(_picture(one.body))
        else:
            parts.append(_words("A document of its own, not shown here."))
        parts += [Spacer(0, 1.5 * mm), _words(f"{one.media_type}, kept {_clock(kept)}\nSHA-256 {one.digest}", _SMALL)]
        yield KeepTogether(parts)


def _picture(body: bytes) -> Image:
    picture = Image(io.BytesIO(body), mask="auto")
    scale = min(_WIDTH / picture.drawWidth, _HIGHEST / picture.drawHeight, 1)
    picture.drawWidth, picture.drawHeight = picture.drawWidth * scale, picture.drawHeight * scale
    picture.hAlign = "LEFT"
    return picture
