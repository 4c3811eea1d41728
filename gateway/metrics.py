"""What operators watch: counters by connector, the inbox, lag. Never anything of one merchant or one parcel.

The functions return a metric's child for some labels, looked up once: looking up costs more than counting.
"""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_REQUESTS = Counter("gateway_requests", "API requests answered.", ("route", "method", "status"), registry=REGISTRY)
_REQUEST_SECONDS = Histogram(
    "gateway_request_seconds", "Time to answer an API request.", ("route",), buckets=_BUCKETS, registry=REGISTRY
)
_PUSHES = Counter(
    "gateway_pushes",
    "Carriers' calls by what became of them: kept, challenge, forged, too_large, broken, full.",
    ("carrier", "outcome"),
    registry=REGISTRY,
)
_POLLS = Counter(
    "gateway_polls",
    "Questions to carriers by what became of them: answered, notfound, unavailable, rejected, unreadable.",
    ("carrier", "outcome"),
    registry=REGISTRY,
)
_POLL_SECONDS = Histogram(
    "gateway_poll_seconds", "Time of one question to a carrier.", ("carrier",), buckets=_BUCKETS, registry=REGISTRY
)
_CARRIERS_GONE = Gauge(
    "gateway_carriers_gone",
    "Accounts whose carrier does not answer them, so that it is left in peace.",
    ("carrier",),
    registry=REGISTRY,
)
_SUBSCRIPTIONS = Counter(
    "gateway_subscriptions",
    "Numbers a carrier was asked to push, by what became of it: accepted, refused, unavailable, rejected, unreadable.",
    ("carrier", "outcome"),
    registry=REGISTRY,
)
_SECOND_GUESSES = Counter(
    "gateway_second_guesses",
    "Numbers other carriers were asked for, because the detected one does not know them: changed, kept.",
    ("outcome",),
    registry=REGISTRY,
)
_PROVIDER_CALLS = Counter(
    "gateway_provider_calls",
    "Reports and answers that providers of channels passed on: taken, forged.",
    ("channel", "outcome"),
    registry=REGISTRY,
)
_NOTICES = Counter(
    "gateway_notices",
    "Notices handed to providers of channels, by what these said: accepted, later, refused, blocked, gone, rejected; "
    "ours: we could not get out.",
    ("channel", "outcome"),
    registry=REGISTRY,
)
_PAYLOADS = Counter(
    "gateway_payloads", "Kept payloads by what reading made of them.", ("carrier", "outcome"), registry=REGISTRY
)
_EVENTS = Counter("gateway_events", "New events by connector and status.", ("carrier", "status"), registry=REGISTRY)
_UNLISTED = Counter("gateway_unlisted_codes", "Codes without a row, as often as read.", ("carrier",), registry=REGISTRY)
_AHEAD = Counter(
    "gateway_events_ahead",
    "New events dated so far after their receipt that this stands for their time.",
    ("carrier",),
    registry=REGISTRY,
)
_INGEST_LAG = Histogram(
    "gateway_ingest_lag_seconds",
    "From the receipt of a payload to its events being stored.",
    ("carrier",),
    buckets=(*_BUCKETS, 30.0, 60.0, 300.0),
    registry=REGISTRY,
)
_MESSAGES = Counter("gateway_messages", "Messages appended to merchants' logs, by type.", ("type",), registry=REGISTRY)
INBOX_WAITING = Gauge("gateway_inbox_waiting", "Kept payloads not read yet.", registry=REGISTRY)
STORE_WAITING = Gauge("gateway_store_waiting", "Work waiting for the database's writer.", registry=REGISTRY)
STREAMS = Gauge("gateway_streams", "Open live streams.", registry=REGISTRY)
UNKNOWN_ACCOUNTS = Counter(
    "gateway_pushes_to_unknown_accounts", "Calls to an account we do not have.", registry=REGISTRY
)


@cache
def requests(route: str, method: str, status: int) -> Counter:
    """Return the counter of one route's answers. Routes are patterns, so their number is bounded."""
    return _REQUESTS.labels(route, method, str(status))


@cache
def request_seconds(route: str) -> Histogram:
    """Return the histogram of one route's answers."""
    return _REQUEST_SECONDS.labels(route)


@cache
def pushes(carrier: str, outcome: str) -> Counter:
    """Return the counter of a carrier's calls."""
    return _PUSHES.labels(carrier, outcome)


@cache
def polls(carrier: str, outcome: str) -> Counter:
    """Return the counter of questions to a carrier."""
    return _POLLS.labels(carrier, outcome)


@cache
def poll_seconds(carrier: str) -> Histogram:
    """Return the histogram of questions to a carrier."""
    return _POLL_SECONDS.labels(carrier)


@cache
def carriers_gone(carrier: str) -> Gauge:
    """Return the gauge of accounts whose carrier does not answer."""
    return _CARRIERS_GONE.labels(carrier)


@cache
def subscriptions(carrier: str, outcome: str) -> Counter:
    """Return the counter of numbers a carrier was asked to push."""
    return _SUBSCRIPTIONS.labels(carrier, outcome)


@cache
def second_guesses(outcome: str) -> Counter:
    """Return the counter of numbers that other carriers were asked for."""
    return _SECOND_GUESSES.labels(outcome)


@cache
def provider_calls(channel: str, outcome: str) -> Counter:
    """Return the counter of what a channel's providers passed on."""
    return _PROVIDER_CALLS.labels(channel, outcome)


@cache
def notices(channel: str, outcome: str) -> Counter:
    """Return the counter of notices that a channel's providers answered in one way."""
    return _NOTICES.labels(channel, outcome)


@cache
def payloads(carrier: str, outcome: str) -> Counter:
    """Return the counter of a carrier's payloads: read, unreadable."""
    return _PAYLOADS.labels(carrier, outcome)


@cache
def events(carrier: str, status: str) -> Counter:
    """Return the counter of a carrier's events of one status."""
    return _EVENTS.labels(carrier, status)


@cache
def unlisted(carrier: str) -> Counter:
    """Return the counter of a carrier's codes without a row."""
    return _UNLISTED.labels(carrier)


@cache
def ahead(carrier: str) -> Counter:
    """Return the counter of a carrier's events that were dated too far ahead."""
    return _AHEAD.labels(carrier)


@cache
def ingest_lag(carrier: str) -> Histogram:
    """Return the histogram of a carrier's lag, in seconds."""
    return _INGEST_LAG.labels(carrier)


@cache
def messages(message_type: str) -> Counter:
    """Return the counter of messages of one type."""
    return _MESSAGES.labels(message_type)
