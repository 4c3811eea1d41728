"""What is kept as a proof is a picture drawn afresh or a PDF, and nothing of the phone's notes."""

import io

import pytest
from PIL import Image

from gateway.proofs.content import MOST_BYTES, BadProof, clean

PLACE = b"41.1496"


def picture(kind, size=(40, 30), colour="#336699", **more):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **more)
    return out.getvalue()


def opened(kept):
    return Image.open(io.BytesIO(kept.body))


def test_a_photo_loses_where_and_with_what_it_was_taken_and_stands_upright():
    exif = Image.Exif()
    exif[0x010F] = "Maker of phones"
    exif[0x0112] = 6  # turned by a quarter
    exif.get_ifd(0x8825)[2] = (41.0, 8.0, 58.0)
    body = picture("JPEG", exif=exif, comment=b"taken at the door")
    assert b"Maker of phones" in body
    kept = clean(body)
    assert kept.media_type == "image/jpeg"
    assert opened(kept).size == (30, 40)
    assert not opened(kept).getexif()
    for hidden in (b"Maker of phones", b"taken at the door", b"Exif"):
        assert hidden not in kept.body


def test_what_hangs_behind_a_picture_is_gone():
    kept = clean(picture("PNG") + b"<script>alert(1)</script>")
    assert kept.media_type == "image/png"
    assert b"script" not in kept.body


@pytest.mark.parametrize(("kind", "media_type"), [("GIF", "image/png"), ("BMP", "image/png"), ("WEBP", "image/jpeg")])
def test_carriers_older_formats_become_ones_every_browser_shows(kind, media_type):
    assert clean(picture(kind)).media_type == media_type


def test_a_signature_keeps_its_transparent_ground():
    out = io.BytesIO()
    Image.new("RGBA", (20, 10), (0, 0, 0, 0)).save(out, "PNG")
    assert opened(clean(out.getvalue())).getpixel((3, 3))[3] == 0


def test_a_large_photo_is_scaled_down():
    assert max(opened(clean(picture("JPEG", (4_000, 3_000)))).size) == 2_560


def test_a_pdf_stays_as_it_is():
    body = b"%PDF-1.4\n%%EOF"
    assert clean(body) == clean(body)
    assert (clean(body).body, clean(body).media_type) == (body, "application/pdf")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        b"<html></html>",
        b"GIF89a",
        picture("PNG")[:40],
        picture("JPEG", (400, 300))[:200],
        b"MZ" + b"\0" * 200,
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 300,
    ],
    ids=["empty", "svg", "html", "cut gif", "cut png", "cut jpeg", "program", "broken png"],
)
def test_what_is_neither_is_refused_and_not_repeated(body):
    with pytest.raises(BadProof) as refused:
        clean(body)
    assert "script" not in str(refused.value)


def test_what_is_too_large_or_would_unfold_too_large_is_refused():
    with pytest.raises(BadProof, match="at most 8000000"):
        clean(b"\xff\xd8\xff" + b"\0" * MOST_BYTES)
    bomb = picture("PNG", (9_000, 9_000), "white", compress_level=9)
    assert len(bomb) < 1_000_000
    with pytest.raises(BadProof):
        clean(bomb)
