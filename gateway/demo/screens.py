"""The courier's page and the recipient's tracking page as on two screens: what stands there, and the calls they make.

Whoever uses them knows a page's address and nothing else, as a person with a phone does.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lxml import html

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from aiohttp import ClientSession
    from lxml.html import HtmlElement

LANGUAGE = {"Accept-Language": "en"}
OVER = frozenset({"delivered", "failed"})
_NO_LINK = 404


class LinkEnded(Exception):  # noqa: N818 - it names what happened
    """The page's link is none any more."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing said, as it stands on a page. `id` is there on the courier's page alone."""

    mine: bool
    who: str
    words: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop on the courier's page."""

    id: str
    name: str
    state: str
    needs: frozenset[str]
    lines: tuple[Line, ...]

    @property
    def over(self) -> bool:
        """Whether nothing is left to do there."""
        return self.state in OVER


class CourierScreen:
    """The courier's page."""

    def __init__(self, session: ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def stops(self) -> list[Stop]:
        """Read the list of stops. Raises `LinkEnded`."""
        page = await _page(self._session, self._url)
        return [_stop(one) for one in page.find_class("stop")]

    async def act(self, stop: Stop, act: str, **more: Any) -> bool:
        """Do something at a stop; tell whether it was taken. Raises `LinkEnded`."""
        done = {"id": str(uuid.uuid4()), "stop": stop.id, "at": _now(), "act": act, **more}
        said = await self._send(acts=[done])
        return done["id"] in said["taken"]

    async def share(self, latitude: float, longitude: float, speed: float) -> None:
        """Tell where the phone is, a few metres more or less. Raises `LinkEnded`."""
        where = {"at": _now(), "latitude": latitude, "longitude": longitude, "accuracy": 8, "speed": speed}
        await self._send(positions=[where])

    async def keep(self, stop: Stop, kind: str, picture: bytes) -> str:
        """Hand in a picture; return the phone's own id of it. Raises `LinkEnded`."""
        id_ = str(uuid.uuid4())
        call = self._session.put(f"{self._url}/files/{id_}", params={"kind": kind, "stop": stop.id}, data=picture)
        async with call as answer:
            _check(answer.status)
            answer.raise_for_status()
        return id_

    async def _send(self, **batch: Any) -> Any:
        async with self._session.post(f"{self._url}/acts", json={"sent_at": _now(), **batch}) as answer:
            _check(answer.status)
            answer.raise_for_status()
            return await answer.json()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """What stands on the tracking page. `stage` is how near the courier is, `place` where; `stars` those given."""

    stage: str
    place: tuple[float, float] | None
    lines: tuple[Line, ...]
    pictures: tuple[tuple[str, str], ...]
    """Of the proof: the kind and the address of each."""
    may_rate: bool
    stars: int

    @classmethod
    def of(cls, page: HtmlElement, courier: Any) -> Self:
        """Read the page, and where its map shows the courier."""
        at = courier["position"]
        rate = _part(page, "rate")
        return cls(
            stage=courier["stage"],
            place=None if at is None else (at["latitude"], at["longitude"]),
            lines=tuple(_said(one) for one in _part(page, "talk").find_class("said")),
            pictures=tuple(
                (figure.get("class", "").removeprefix("picture "), image.get("src", ""))
                for figure in _part(page, "proof").find_class("picture")
                for image in figure.iter("img")
            ),
            may_rate=bool(rate.forms),
            stars=sum(one.text_content().count("★") for one in rate.find_class("given")),
        )


class TrackingScreen:
    """The recipient's page. `session` keeps its cookies: they remember who wrote, and who told the postcode."""

    def __init__(self, session: ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        hub, _, token = url.partition("/t/")
        self._hub = hub
        self._courier = f"{hub}/v1/public/shipments/{token}/courier"

    async def look(self) -> Tracked:
        """Read the page. Raises `LinkEnded`."""
        page = await _page(self._session, self._url)
        async with self._session.get(self._courier) as answer:
            _check(answer.status)
            answer.raise_for_status()
            return Tracked.of(page, await answer.json())

    async def fill(self, form: str, **fields: str | Sequence[str]) -> bool:
        """Send one of the page's forms: `say`, `postcode` or `rate`; tell whether it was taken."""
        async with self._session.post(f"{self._url}/{form}", data=fields, allow_redirects=False) as answer:
            return answer.ok

    async def picture(self, address: str) -> bytes:
        """Fetch a picture of the proof."""
        async with self._session.get(self._hub + address) as answer:
            answer.raise_for_status()
            return await answer.read()


async def _page(session: ClientSession, url: str) -> HtmlElement:
    async with session.get(url, headers=LANGUAGE) as answer:
        _check(answer.status)
        answer.raise_for_status()
        return html.document_fromstring(await answer.text())


def _part(page: HtmlElement, id_: str) -> HtmlElement:
    """Return a part of a page; an empty one where it is not there now."""
    return page.get_element_by_id(id_, html.fragment_fromstring("<p></p>"))


def _check(status: int) -> None:
    if status == _NO_LINK:
        raise LinkEnded("the page has gone")


def _stop(of: HtmlElement) -> Stop:
    return Stop(
        id=of.get("id", ""),
        name=of.get("data-name", ""),
        state=of.get("data-state", ""),
        needs=frozenset(of.get("data-needs", "").split()),
        lines=tuple(_uttered(one) for shown in of.find_class("uttered") for one in shown),
    )


def _uttered(of: HtmlElement) -> Line:
    who, words = of.iter("span")
    return Line(of.get("class") == "mine", _text(who), _text(words), of.get("id", ""))


def _said(of: HtmlElement) -> Line:
    (who,), (words,) = of.iter("strong"), of.find_class("said-words")
    return Line("mine" in of.classes, _text(who), _text(words))


def _text(of: HtmlElement) -> str:
    return of.text_content().strip()


def _now() -> str:
    return datetime.now(UTC).isoformat()
