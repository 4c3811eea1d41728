"""What callers send: the models of request bodies and queries."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator, model_validator

from gateway.api.fields import (
    CarrierCode,
    Country,
    Cursor,
    Language,
    Limit,
    Line,
    Metadata,
    Moment,
    Number,
    Plain,
    Query,
    ReturnId,
    Short,
    Strict,
    Text,
)
from gateway.own_codes import MOST as MOST_CODES
from gateway.plainly import did_you_mean
from normalizer.model import SUBSTATUSES, Moves, Status
from normalizer.trouble import Trouble
from webhooks.matching import TYPES

MOST_IN_A_BATCH = 1_000


class Address(Strict):
    """Where a parcel goes, as far as the merchant tells."""

    street: Line | None = None
    city: Line | None = None
    region: Line | None = None
    postal_code: Annotated[Short, Field(max_length=20)] | None = None
    country: Country | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = Field(
        default=None, description="The door's own place: for the map and the fence. Leave it out rather than guess it."
    )
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None


class Recipient(Address):
    """Who gets the parcel. Kept sealed; never in webhooks and never in logs."""

    name: Line | None = None
    email: Annotated[Line, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)] | None = None
    phone: Annotated[Line, Field(pattern=r"^\+?[0-9 ()./-]{4,30}$")] | None = None
    language: Language | None = None


class Promise(Strict):
    """When the merchant promised it to the recipient."""

    start: Moment | None = Field(default=None, alias="from")
    end: Moment | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start is None and self.end is None:
            raise ValueError("at least one of `from` and `to` is needed")
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError("`to` lies before `from`")
        return self


class ItemIn(Strict):
    """So many of one line of an order."""

    line: Short
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] = 1


Items = Annotated[list[ItemIn], Field(max_length=500)]


class ShipmentIn(Strict):
    """A parcel to be tracked."""

    tracking_number: Number
    carrier: Short | None = Field(default=None, description="Its code; left out, it is found from the number.")
    account: Short | None = Field(default=None, description="The carrier account to ask with, by its id.")
    order_number: Short | None = None
    direction: Literal["outbound", "return"] = "outbound"
    destination: Address | None = None
    recipient: Recipient | None = None
    promised: Promise | None = None
    metadata: Metadata = Field(default={}, description="The merchant's own facts: at most 4 kB of JSON.")
    ship_date: date | None = Field(
        default=None,
        description="The day it was shipped. Left out, a journey that ended more than 60 days before the registration "
        "counts as an earlier parcel's of the same number.",
    )
    items: Items = Field(default=[], description="What is in it, by the lines of its order; left out, nobody knows.")
    return_id: ReturnId | None = Field(default=None, description="The return of its order it belongs to.")

    @model_validator(mode="after")
    def _of_an_order(self) -> Self:
        if self.order_number is None and (self.items or self.return_id is not None):
            raise ValueError("`items` and `return_id` need the `order_number` they belong to")
        return self


class BatchIn(Strict):
    """Up to 1,000 shipments; each is judged alone. A bare list is taken as well."""

    shipments: list[Any] = Field(min_length=1, max_length=MOST_IN_A_BATCH)

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"shipments": value} if isinstance(value, list) else value


class ShipmentChange(Strict):
    """What may be changed of a shipment; what is left out stays, null clears it."""

    carrier: Short | None = None
    account: Short | None = None
    order_number: Short | None = None
    destination: Address | None = None
    recipient: Recipient | None = None
    promised: Promise | None = None
    metadata: Metadata | None = None
    version: int | None = Field(
        default=None,
        description="The version that was seen; 409 where it is another by now, with the `shipment` as it stands.",
    )


class TrackingLinkIn(Strict):
    """A new link to a tracking page. Left out, it ends some time after the shipment came to its end."""

    expires_at: Moment | None = None


class PlaceIn(Strict):
    """Where something happened."""

    facility: Line | None = None
    city: Line | None = None
    region: Line | None = None
    postal_code: Annotated[Short, Field(max_length=20)] | None = None
    country: Country | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None


class EventIn(Strict):
    """An event by hand, or from a system of the merchant's own."""

    status: Status
    substatus: Short | None = Field(default=None, description="One of the status's details; left out, `other`.")
    at: Moment = Field(description="When it happened, with the offset of the clock on the wall there.")
    text: Text = ""
    place: PlaceIn | None = None


class ShipmentsQuery(Query):
    """Which shipments to list, the latest changed first."""

    tracking_number: Number | None = None
    order_number: Short | None = None
    status: list[Status] | None = Field(default=None, description="One status, or several between commas.")
    carrier: CarrierCode | None = None
    q: Short | None = Field(default=None, description="The beginning of a tracking number or an order number.")
    trouble: list[Trouble | Literal["any"]] | None = Field(
        default=None, description="In this trouble, or in one of several between commas; `any` for all of them."
    )
    stalled: bool | None = Field(
        default=None, description="Without news for longer than it should be: `stalled` or `not_handed_over`."
    )
    updated_since: Moment | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class PageQuery(Query):
    """Which page of a list."""

    cursor: Cursor | None = None
    limit: Limit = 50


class ImportQuery(Query):
    """What the file is called."""

    filename: str = Field(
        default="", description="Shown with the import: the end of a path, at most 100 characters of it."
    )


class SampleQuery(Query):
    """Which file to fill in."""

    kind: Literal["orders", "shipments"]
    form: Literal["csv", "ndjson"] = "csv"


class ImportLinesQuery(Query):
    """Which lines of an import to list."""

    refused: bool = Field(default=False, description="Only those that were refused.")
    cursor: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    limit: Limit = 50


class DetectQuery(Query):
    """Whose number it is."""

    tracking_number: Number


class AccountsQuery(Query):
    """Which accounts to list."""

    carrier: CarrierCode | None = None


Credential = Annotated[str, Field(max_length=10_000)]


class AccountLimits(Strict):
    """What the contract with the carrier allows, where it differs from what the carrier documents for everybody."""

    per_second: Annotated[float, Field(ge=0.001, le=1_000)] | None = None
    per_day: Annotated[int, Field(gt=0, le=1_000_000_000)] | None = None


class AccountIn(Strict):
    """Credentials at a carrier. `secrets` go in and are never shown again; `GET /v1/carriers` names them."""

    carrier: Short
    secrets: dict[Short, Credential] = Field(default={})
    label: Line = ""
    mode: Literal["production", "test"] = "production"
    limits: AccountLimits = AccountLimits()


class AccountChange(Strict):
    """What may be changed of an account. `secrets` replaces those it names; null takes an optional one away."""

    label: Line | None = None
    mode: Literal["production", "test"] | None = None
    secrets: dict[Short, Credential | None] | None = None
    limits: AccountLimits | None = Field(
        default=None, description="Replaces those it names; null goes back to the carrier's documented ones."
    )


class CodeIn(Strict):
    """What a code means. `moves` says whether an event of it changes the shipment's status, as in the code tables."""

    code: Annotated[Line, Field(min_length=1)]
    status: Status
    substatus: Short = Field(description="One of the status's details.")
    moves: Moves = "tells"
    note: Line = ""

    @field_validator("substatus")
    @classmethod
    def _of_status(cls, substatus: str, info: ValidationInfo) -> str:
        status = info.data.get("status")
        if status is not None and substatus not in SUBSTATUSES[status]:
            raise ValueError(f"is none of {', '.join(sorted(SUBSTATUSES[status]))}")
        return substatus


class CodesIn(Strict):
    """All own codes of an account; an empty list takes them away."""

    codes: list[CodeIn] = Field(max_length=MOST_CODES)


OverlapHours = Annotated[float, Field(ge=0, le=168)]


class ShopIn(Strict):
    """A shop that pushes its orders. `secrets` go in and are never shown again; docs/shops.md names them."""

    shop: Short
    secrets: dict[Short, Credential] = Field(default={})
    label: Line = ""
    order_prefix: Annotated[Line, Field(max_length=20)] = Field(
        default="", description="Stands before the shop's own order numbers: for merchants with several shops."
    )


class ShopChange(Strict):
    """What may be changed of a shop; what is left out stays. A new prefix is of orders to come."""

    overlap_hours: OverlapHours | None = Field(
        default=None,
        description="How long pushes signed with the old secret are still taken, with a new one: a day where nothing "
        "is said. 0 ends all old ones now, also without a new one.",
    )

    secrets: dict[Short, Credential | None] | None = None
    label: Line | None = None
    order_prefix: Annotated[Line, Field(max_length=20)] | None = None


class KeyIn(Strict):
    """A key to be made. A storefront key is publishable, so it is bound to the web origins it is used from."""

    role: Literal["merchant", "support", "storefront"]
    name: Line = ""
    origins: list[Annotated[str, Field(pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$", max_length=300)]] = Field(
        default=[], max_length=50
    )

    @model_validator(mode="after")
    def _bound(self) -> Self:
        if (self.role == "storefront") != bool(self.origins):
            raise ValueError("`origins` belongs to storefront keys, and each of them needs at least one")
        return self


class MerchantChange(Strict):
    """What may be changed of a merchant; what is left out stays."""

    name: Annotated[Line, Field(min_length=1)] | None = None
    contact_email: Annotated[Line, Field(max_length=254)] | None = Field(
        default=None, description="Where you are written to when an endpoint fails or is disabled; null for nowhere."
    )


class StreamQuery(Query):
    """What to hear of."""

    types: list[Short] | None = Field(default=None, description="Types and families, as of an endpoint.")
    shipment_id: Short | None = None
    last_event_id: Annotated[int, Field(ge=0, lt=2**63)] | None = Field(
        default=None, description="In place of the header, for clients that cannot send one."
    )


class AuthIn(Strict):
    """How we log in at an endpoint. A secret of `***` in a change keeps the one that is there."""

    kind: Literal["bearer", "basic", "oauth2"]
    token: Credential | None = Field(default=None, description="bearer: the token.")
    username: Credential | None = Field(default=None, description="basic.")
    password: Credential | None = Field(default=None, description="basic.")
    token_url: Annotated[str, Field(min_length=1, max_length=2_000)] | None = Field(
        default=None, description="oauth2: where tokens are asked for, by client credentials."
    )
    client_id: Credential | None = Field(default=None, description="oauth2.")
    client_secret: Credential | None = Field(default=None, description="oauth2.")
    scope: Credential | None = Field(default=None, description="oauth2, where the token server wants one.")
    audience: Credential | None = Field(default=None, description="oauth2, where the token server wants one.")
    client_auth: Literal["header", "body"] | None = Field(
        default=None, description="oauth2: where we say who we are; left out, in a header."
    )


class ClientCertificateIn(Strict):
    """A client certificate (with its chain, itself first) and its private key without a password, both in PEM."""

    certificate: Annotated[str, Field(max_length=20_000)]
    key: Annotated[str, Field(max_length=20_000)]


Headers = Annotated[
    dict[str, str],
    Field(
        max_length=20,
        description="Headers sent with each message. Their values are never shown again; `***` in a change keeps one.",
    ),
]
Compat = Annotated[
    Literal["aftership", "easypost"],
    Field(
        description="Adds this vendor's signature header too, made with `compat_secret`, for a receiver that has it."
    ),
]
CompatSecret = Annotated[
    str, StringConstraints(min_length=1, max_length=1_000), Field(description="The secret of that vendor's webhooks.")
]


class EndpointIn(Strict):
    """An address for webhooks. Left out, `event_types` means every type but `shipment.event` and `courier.position`."""

    url: Annotated[str, Field(min_length=1, max_length=2_000)] | None = Field(
        description="Null for a receiver that nobody can call: it reads by polling."
    )
    event_types: list[Short] | None = Field(default=None, max_length=100)
    filter: dict[Line, Plain] | None = Field(
        default=None,
        description="Paths into `data` and what must stand there: a value, a list of values, or tests (`in`, `not_in`, "
        "`exists`, `starts_with`, `gt`, `gte`, `lt`, `lte`), such as `{'shipment.carrier': ['ups']}`. All must hold; "
        "in a list one element is enough.",
    )
    fields: list[Line] | None = Field(
        default=None, max_length=50, description="Paths of `data` that are sent; left out, everything is."
    )
    description: Line = ""
    ordering: Literal["latest", "strict", "none"] = "latest"
    rate_per_second: float | None = None
    concurrency: Annotated[int, Field(ge=1, le=100)] = 16
    timeout_ms: Annotated[int, Field(ge=1_000, le=30_000)] = 15_000
    schedule: list[float] | None = Field(default=None, max_length=20, description="Seconds before each try.")
    headers: Headers | None = None
    auth: AuthIn | None = None
    client_certificate: ClientCertificateIn | None = None
    signature_compat: Compat | None = None
    compat_secret: CompatSecret | None = None
    secret: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="`whsec_` and 24 to 64 bytes in base64; left out, one is made."
    )


class EndpointChange(Strict):
    """What may be changed of an endpoint; what is left out stays."""

    url: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    event_types: list[Short] | None = Field(default=None, max_length=100)
    filter: dict[Line, Plain] | None = None
    fields: list[Line] | None = Field(default=None, max_length=50)
    description: Line | None = None
    ordering: Literal["latest", "strict", "none"] | None = None
    rate_per_second: float | None = None
    concurrency: Annotated[int, Field(ge=1, le=100)] | None = None
    timeout_ms: Annotated[int, Field(ge=1_000, le=30_000)] | None = None
    schedule: list[float] | None = Field(default=None, max_length=20)
    headers: Headers | None = None
    auth: AuthIn | None = None
    client_certificate: ClientCertificateIn | None = None
    signature_compat: Compat | None = None
    compat_secret: CompatSecret | None = None


class PublicKeyIn(Strict):
    """Whether requests carry an Ed25519 signature (`v1a`) after the shared secret's. An old key signs along."""

    on: bool
    overlap_hours: OverlapHours = 24.0


class RotateIn(Strict):
    """How to change a secret. The old one signs along for the overlap."""

    secret: Annotated[str, Field(max_length=200)] | None = None
    overlap_hours: OverlapHours = 24.0


class EnableIn(Strict):
    """Where an endpoint goes on: with all that waited, with what failed, or from now."""

    course: Literal["continue", "only_failed", "from_now"] = "continue"


class ReplayIn(Strict):
    """Which messages to send once more."""

    since: Moment
    until: Moment | None = None
    event_types: list[Short] | None = Field(default=None, max_length=100)
    only_failed: bool = False


class DeadQuery(Query):
    """Which of the dead messages to list."""

    event_types: list[Short] | None = Field(default=None, max_length=100)
    shipment_id: Short | None = None
    reason: Line | None = Field(default=None, description="As the list shows it, such as `status 500`.")
    since: Moment | None = Field(default=None, description="Given up at this time or later.")
    until: Moment | None = Field(default=None, description="Given up at this time or before.")
    cursor: Annotated[int, Field(ge=1, lt=2**62)] | None = None
    limit: Limit = 50


class RequeueIn(Strict):
    """Which of the dead messages to send once more; all of them where nothing is said."""

    event_types: list[Short] | None = Field(default=None, max_length=100)
    shipment_id: Short | None = None
    reason: Line | None = Field(default=None, description="As the list shows it, such as `status 500`.")
    since: Moment | None = Field(default=None, description="Given up at this time or later.")
    until: Moment | None = Field(default=None, description="Given up at this time or before.")


class PollQuery(Query):
    """From where to read."""

    cursor: Annotated[int, Field(ge=0, lt=2**62)] | None = Field(
        default=None, description="The last answer's `next_cursor`. It confirms what came before it."
    )
    limit: Limit = 100
    wait: Annotated[float, Field(ge=0, le=8)] = Field(
        default=0.0, description="Seconds to wait for news before answering with nothing."
    )


def _type(name: str) -> str:
    if name not in TYPES:
        raise ValueError(f"is no type of message{did_you_mean(name, TYPES)}")
    return name


class MessagesQuery(Query):
    """Which messages to list, the newest first."""

    type: Annotated[Short, AfterValidator(_type)] | None = None
    shipment_id: Short | None = None
    order_id: Short | None = None
    cursor: Annotated[int, Field(ge=1, lt=2**62)] | None = None
    limit: Limit = 50


class ResendIn(Strict):
    """To whom: one endpoint, or all that want it."""

    endpoint: Short | None = None
