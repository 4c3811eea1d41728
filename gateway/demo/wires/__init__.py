"""Wire formats: how each carrier would tell of a parcel's life, after that carrier's documents, in invented words.

The connectors that read them are the real ones, unchanged; only their base address points here.
"""

from __future__ import annotations

from gateway.demo.wires.canada_post import CanadaPost
from gateway.demo.wires.chronopost import Chronopost
from gateway.demo.wires.demo import Demo
from gateway.demo.wires.dhl_unified import DhlUnified
from gateway.demo.wires.onfleet import Onfleet
from gateway.demo.wires.purolator import Purolator
from gateway.demo.wires.ups import Ups
from gateway.demo.wires.wire import Wire

WIRES: dict[str, Wire] = {
    wire.code: wire for wire in (Demo(), Ups(), DhlUnified(), CanadaPost(), Purolator(), Chronopost(), Onfleet())
}

__all__ = ["WIRES", "Wire"]
