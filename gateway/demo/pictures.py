"""Pictures of the demo, drawn here: nobody's door, and a signature nobody wrote."""

from __future__ import annotations

import io
import math
from functools import cache

from PIL import Image, ImageDraw

_INK, _GLASS = "#102a43", (600, 240)


@cache
def doorstep() -> bytes:
    """Return the photo of a parcel at a door, as PNG."""
    image = Image.new("RGB", (640, 480), "#d9e2ec")
    draw = ImageDraw.Draw(image)
    draw.rectangle((220, 80, 420, 480), fill="#486581")
    draw.ellipse((382, 280, 402, 300), fill="#f0f4f8")
    draw.rectangle((170, 360, 330, 480), fill="#c99a6b")
    return _png(image)


@cache
def signature() -> bytes:
    """Return a signature as a finger leaves it on the glass, as PNG: loops that grow smaller, and a stroke below."""
    image = Image.new("RGB", _GLASS, "white")
    draw = ImageDraw.Draw(image)
    loops = [
        (70 + 3.4 * step + 26 * math.cos(step / 3.2), 110 - (70 - step / 2.4) * math.sin(step / 3.2))
        for step in range(130)
    ]
    draw.line(loops, fill=_INK, width=5, joint="curve")
    draw.line([(60, 190), (300, 178), (540, 196)], fill=_INK, width=4, joint="curve")
    return _png(image)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
