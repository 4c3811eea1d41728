"""What callers get: the shapes of answers, for the OpenAPI document. Tests and fuzzing hold the answers to them.

Fields that a role may not see are left out: `gateway.visibility` says who sees what.
"""

from __future__ import annotations

from gateway.api.answers.carriers import (
    Account,
    AccountCodes,
    AccountLimits,
    Accounts,
    Candidate,
    Candidates,
    Carrier,
    Carriers,
    Credential,
    OwnCode,
    UnlistedCode,
)
from gateway.api.answers.common import FieldError, Health, Place, Problem, Window
from gateway.api.answers.endpoints import (
    Attempt,
    Attempts,
    Endpoint,
    Endpoints,
    Lane,
    NewEndpoint,
    PublicKey,
    Replay,
    Secret,
    TestResult,
)
from gateway.api.answers.keys import Key, Keys, NewKey
from gateway.api.answers.messages import Delivery, Message, Polled, Resent, Told, ToldPage
from gateway.api.answers.shipments import (
    Batch,
    BatchItem,
    Continuation,
    Event,
    Events,
    Milestones,
    Proof,
    Shipment,
    Shipments,
)

__all__ = [
    "Account",
    "AccountCodes",
    "AccountLimits",
    "Accounts",
    "Attempt",
    "Attempts",
    "Batch",
    "BatchItem",
    "Candidate",
    "Candidates",
    "Carrier",
    "Carriers",
    "Continuation",
    "Credential",
    "Delivery",
    "Endpoint",
    "Endpoints",
    "Event",
    "Events",
    "FieldError",
    "Health",
    "Key",
    "Keys",
    "Lane",
    "Message",
    "Milestones",
    "NewEndpoint",
    "NewKey",
    "OwnCode",
    "Place",
    "Polled",
    "Problem",
    "Proof",
    "PublicKey",
    "Replay",
    "Resent",
    "Secret",
    "Shipment",
    "Shipments",
    "TestResult",
    "Told",
    "ToldPage",
    "UnlistedCode",
    "Window",
]
