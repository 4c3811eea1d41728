"""Files of orders and shipments become items, and a bad line one bad item."""

from __future__ import annotations

import csv
import io

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.imports.files import BadFile, Item, read


def csv_of(text: str, kind="orders") -> list[Item]:
    return read(kind, "csv", text.encode())


def test_dotted_columns_are_nested_and_empty_cells_say_nothing() -> None:
    (item,) = csv_of(
        "order_number,recipient.name,recipient.email,destination.latitude,metadata.channel,promised.to\n"
        "A-1,Ines Example,,41.15,web,2026-11-30T18:00:00Z\n"
    )
    assert item.lines == [2]
    assert item.value == {
        "order_number": "A-1",
        "recipient": {"name": "Ines Example"},
        "destination": {"latitude": 41.15},
        "metadata": {"channel": "web"},
        "promised": {"to": "2026-11-30T18:00:00Z"},
    }


def test_lines_of_one_order_that_follow_each_other_are_one_order() -> None:
    one, two, three = csv_of("order_number,line.sku,line.quantity\nA-1,shirt,2\nA-1,socks,1\n\nA-2,hat,1\nA-1,late,1\n")
    assert (one.lines, two.lines, three.lines) == ([2, 3], [5], [6])
    assert one.value["lines"] == [{"sku": "shirt", "quantity": 2}, {"sku": "socks", "quantity": 1}]
    assert (one.trouble, two.trouble) == (None, None)
    assert three.trouble == ("/order_number", "stands further up already: put the lines of an order together")


def test_semicolons_tabs_quotes_and_a_byte_order_mark_are_read() -> None:
    for delimiter in ",;\t":
        head, title = f"\ufefforder_number{delimiter}line.title", f'"one\n{delimiter} ""two"""'
        text = f"{head}\r\nA-1{delimiter}{title}\r\nA-2{delimiter}x\r\n"
        one, two = csv_of(text)
        assert one.value["lines"] == [{"title": f'one\n{delimiter} "two"'}]
        assert (one.lines, two.lines) == ([2], [4])


def test_a_bad_line_is_one_bad_item() -> None:
    one, two, three = csv_of("order_number,line.quantity\nA-1,two\nA-2,1\nA-3,1,2,3\n")
    assert (one.trouble, two.trouble) == (("/line/quantity", "is no number"), None)
    assert three.trouble == ("", "has 4 cells for 2 columns")
    items = read("shipments", "ndjson", b'{"tracking_number": "1"}\n\nnonsense\n[1]\n{"tracking_number": "2"}')
    assert [item.lines for item in items] == [[1], [3], [4], [5]]
    assert [item.trouble for item in items] == [None, ("", "is not JSON"), ("", "is no JSON object"), None]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "holds no line"),
        (b"order_number\n", "holds no line"),
        (b"order_number\n\xff\n", "is not UTF-8 (byte 13): save it as such, in spreadsheets as “CSV UTF-8”"),
        (
            b"order_number,colour\nA,red\n",
            "has the column 'colour', and orders have none of that name; they have order_number, ",
        ),
        (b"order_number,order_number\nA,B\n", "has the column 'order_number' twice"),
        (b'order_number\n"A\n', "line 2 cannot be read as CSV: "),
        (b"order_number\nA\0\n", "holds a zero character"),
    ],
)
def test_a_file_that_cannot_be_taken_says_why(body: bytes, reason: str) -> None:
    with pytest.raises(BadFile) as refused:
        read("orders", "csv", body)
    assert str(refused.value).startswith(reason)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8), st.sampled_from(",;\t"))
def test_whatever_a_csv_writer_writes_is_read_as_written(rows: list[tuple[str, str]], delimiter: str) -> None:
    told = [(number, title) for number, title in rows if number.strip() or title.strip()]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["tracking_number", "metadata.note"])
    writer.writerows(rows)
    if not told:
        return
    items = read("shipments", "csv", out.getvalue().encode())
    assert len(items) == len(told)
    for item, (number, note) in zip(items, told, strict=True):
        expected = {"tracking_number": number.strip(), "metadata": {"note": note.strip()}}
        assert item.value == {name: value for name, value in expected.items() if value not in ("", {"note": ""})}


@given(st.lists(st.dictionaries(st.text(max_size=5), st.integers(-9, 9), max_size=3), min_size=1, max_size=8))
def test_json_lines_are_read_as_written(values: list[dict[str, int]]) -> None:
    items = read("orders", "ndjson", b"\n".join(orjson.dumps(value) for value in values))
    assert [item.value for item in items] == values


@given(st.binary(max_size=300), st.sampled_from(["csv", "ndjson"]), st.sampled_from(["orders", "shipments"]))
def test_any_bytes_are_items_or_a_reason(body: bytes, form, kind) -> None:
    try:
        assert read(kind, form, body)
    except BadFile as trouble:
        assert str(trouble)  # noqa: PT017 - either is right
