"""What may be kept as a proof: pictures and PDFs, told by their bytes.

Pictures are drawn afresh, which takes away what phones write into a photo (where, when, with which device) and any
bytes that only look like a picture.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from PIL import Image, ImageOps

MOST_BYTES = 8_000_000
_MOST_PIXELS = 50_000_000
_LONGEST_SIDE = 2_560
_QUALITY = 85
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
_PHOTOS = frozenset({"JPEG", "WEBP"})
_TROUBLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    struct.error,
    ArithmeticError,
    LookupError,
    TypeError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class BadProof(ValueError):  # noqa: N818 - it names what is bad
    """Bytes that are not kept; the text says why and repeats none of them."""


@dataclass(frozen=True, slots=True)
class Clean:
    """A proof as it is kept."""

    body: bytes
    media_type: str


def clean(body: bytes) -> Clean:
    """Return what of these bytes is kept. Raises `BadProof`. Takes a while: call it in a thread."""
    if not body:
        raise BadProof("it is empty")
    if len(body) > MOST_BYTES:
        raise BadProof(f"it is {len(body)} bytes; at most {MOST_BYTES} are kept")
    if is_document(body):
        return Clean(body, "application/pdf")
    try:
        return _drawn(body)
    except BadProof:
        raise
    except _TROUBLE:
        raise BadProof("it is neither a picture that can be drawn nor a PDF") from None


def is_document(body: bytes) -> bool:
    """Tell whether these bytes say that they are a PDF."""
    return body.startswith(b"%PDF-")


def _drawn(body: bytes) -> Clean:
    with Image.open(io.BytesIO(body), formats=_FORMATS) as opened:
        width, height = opened.size
        if width * height > _MOST_PIXELS:
            raise BadProof(f"it has {width} x {height} points; more than {_MOST_PIXELS} are not drawn")
        as_photo = opened.format in _PHOTOS and not opened.has_transparency_data
        turned = ImageOps.exif_transpose(opened)
        whole = turned.convert("RGB" if as_photo else "RGBA")
    whole.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    plain = Image.new(whole.mode, whole.size)
    plain.paste(whole)  # without what the first image knew beside its points
    out = io.BytesIO()
    if as_photo:
        plain.save(out, "JPEG", quality=_QUALITY, optimize=True)
        return Clean(out.getvalue(), "image/jpeg")
    plain.save(out, "PNG", optimize=True)
    return Clean(out.getvalue(), "image/png")
