"""Telephone numbers as people write them, into the one spelling that providers take."""

from __future__ import annotations

MAX_WRITTEN = 60


class Impossible(ValueError):  # noqa: N818 - it names what it is
    """A number nobody can be called on. The text is the reason and does not repeat the number."""


def to_e164(written: str, region: str = "") -> str:
    """Return a number in E.164, such as `+4915112345678`.

    Args:
        written: the number as somebody wrote it, with blanks and brackets.
        region: the country (ISO 3166, two letters) it is meant in where it does not begin with `+` or `00`.

    Raises `Impossible` with the reason. Possible does not mean assigned: only the provider knows that.
    """
    # its tables of all countries' plans are large, and most processes never read a number
    import phonenumbers as lib  # noqa: PLC0415
    from phonenumbers import NumberParseException, ValidationResult  # noqa: PLC0415

    if len(written) > MAX_WRITTEN:
        raise Impossible("too long for a telephone number")
    country = region.strip().upper()
    if country and country not in lib.SUPPORTED_REGIONS:
        raise Impossible("the country is not a known two-letter code")
    text = written.strip()
    if not country and text.startswith("00"):
        text = "+" + text[2:]
    try:
        number = lib.parse(text, country or None)
    except NumberParseException as trouble:
        if trouble.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            if text.startswith(("+", "\N{FULLWIDTH PLUS SIGN}")):
                raise Impossible("no country has this calling code") from None
            raise Impossible("it lacks the country: begin with + and the calling code, or name the country") from None
        raise Impossible(_UNREADABLE.get(trouble.error_type, "not a telephone number")) from None
    if number.extension:
        raise Impossible("a number with an extension receives no messages")
    reason = lib.is_possible_number_with_reason(number)
    if reason != ValidationResult.IS_POSSIBLE:
        raise Impossible(_REASONS.get(reason, "no number of that country looks like it"))
    return lib.format_number(number, lib.PhoneNumberFormat.E164)


# the library's own numbers, so that it need not be loaded for them; a test holds them to its names
_UNREADABLE = {
    1: "not a telephone number",
    2: "too short after the international prefix",
    3: "too short for a telephone number",
    4: "too long for a telephone number",
}
_REASONS = {
    1: "no country has this calling code",
    2: "too short for that country",
    3: "too long for that country",
    4: "complete only within its own town; write it with the area code",
    5: "no number of that country has this length",
}
