"""The generic carrier: proof of origin, its three bodies, and hostile bodies: unreadable and nothing worse."""

import base64
import csv
import hashlib
import hmac
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import HERE, connector
from connectors.base import Payload, Push
from connectors.errors import Forged, Unreadable
from connectors.generic import edifact, x12
from connectors.samples import samples
from gateway import reading
from normalizer.model import SUBSTATUSES, Place, Status, Window

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 5, 18, tzinfo=UTC)
TOKEN, SECRET = "token-of-the-carrier", "secret-of-the-carrier"
SAMPLES = samples(HERE / "generic" / "samples")
EDI = [one for one in SAMPLES if one.name.startswith(("x12", "iftsta"))]


def payload(body: bytes | str) -> Payload:
    raw = body.encode() if isinstance(body, str) else body
    return Payload(carrier="generic", body=raw, source="push", received_at=NOW)


def read(body):
    return connector("generic").read(payload(body))


def events(body):
    told = reading.read(connector("generic"), payload(body))
    assert told.trouble is None, told.trouble
    return told.events


def ours(*events, **shipment):
    return json.dumps({"shipments": [{"number": "KF-1", "events": list(events)} | shipment]})


def x12_body(*segments, kind="214", sent="20261105"):
    isa = "ISA*00*          *00*          *02*TREK           *ZZ*GATEWAY        *261105*1800*U*00401*000000042*0*P*>~"
    body = "".join(f"{one}~" for one in segments)
    count = len(segments) + 2
    return f"{isa}GS*QM*TREK*GW*{sent}*1800*1*X*004010~ST*{kind}*0001~{body}SE*{count}*0001~GE*1*1~IEA*1*000000042~"


def edi_body(*segments, version="D:96A", bgm="BGM+77+1+9", kind="IFTSTA", una=""):
    body = "".join(f"{one}'" for one in (bgm, *segments))
    return (
        f"{una}UNB+UNOC:3+A:ZZ+B:ZZ+261105:1800+R1'UNH+1+{kind}:{version}:UN'{body}UNT+{len(segments) + 3}+1'UNZ+1+R1'"
    )


def test_every_word_of_ours_has_a_row_and_means_itself():
    table = connector("generic").codes.codes
    for status, substatuses in SUBSTATUSES.items():
        for substatus in substatuses:
            row = table[f"status/{status.value}/{substatus}"]
            assert (row.status, row.substatus, row.moves) == (status, substatus, "tells")
    assert sum(code.startswith("status/") for code in table) == sum(map(len, SUBSTATUSES.values()))


def test_x12_codes_mean_here_what_they_mean_in_the_crosswalk():
    table = connector("generic").codes.codes
    with (ROOT / "normalizer/data/crosswalk/x12-214.from.csv").open(newline="") as lines:
        known = {
            "/".join(filter(None, ("x12", row["value"], row["detail"]))): (row["status"], row["substatus"])
            for row in csv.DictReader(lines)
        }
    here = {code: (row.status.value, row.substatus) for code, row in table.items() if re.match(r"x12/..(/|$)", code)}
    assert here == known


# Proof of origin


def push(body=b"{}", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Push("POST", named, {}, body, NOW)


def signature(body=b"{}"):
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("secrets", "headers"),
    [
        ({"token": TOKEN}, {"x_gateway_token": TOKEN}),
        ({"token": TOKEN}, {"authorization": f"Bearer {TOKEN}"}),
        ({"token": TOKEN}, {"authorization": basic("anyone", TOKEN)}),
        ({"token": TOKEN}, {"x_gateway_token": TOKEN, "authorization": f"bearer {TOKEN}"}),
        ({"signing_secret": SECRET}, {"x_signature": signature()}),
        ({"signing_secret": SECRET}, {"x_signature": f"sha256={signature().upper()}"}),
        ({"signing_secret": SECRET, "token": TOKEN}, {"x_signature": signature(), "x_gateway_token": TOKEN}),
    ],
)
def test_a_push_with_every_proof_the_account_names_is_believed(secrets, headers):
    connector("generic").verify(push(**headers), secrets)


@pytest.mark.parametrize(
    ("secrets", "headers"),
    [
        ({}, {"x_gateway_token": TOKEN, "x_signature": signature()}),
        ({"token": "", "signing_secret": ""}, {"x_gateway_token": "", "x_signature": ""}),
        ({"token": TOKEN}, {}),
        ({"token": TOKEN}, {"x_gateway_token": TOKEN + "x"}),
        ({"token": TOKEN}, {"x_gateway_token": TOKEN, "authorization": "Bearer another"}),
        ({"token": TOKEN}, {"x_gateway_token": TOKEN, "authorization": f"Digest {TOKEN}"}),
        ({"token": TOKEN}, {"authorization": basic(TOKEN, "")}),
        ({"token": TOKEN}, {"authorization": "Basic no-base64!"}),
        ({"token": TOKEN}, {"authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()}),
        ({"token": TOKEN}, {"authorization": "Bearer"}),
        ({"token": TOKEN}, {"x_signature": signature()}),
        ({"signing_secret": SECRET}, {"x_gateway_token": SECRET}),
        ({"signing_secret": SECRET}, {"x_signature": signature(b"{} ")}),
        ({"signing_secret": SECRET}, {"x_signature": "\u00e9"}),
        ({"signing_secret": SECRET, "token": TOKEN}, {"x_gateway_token": TOKEN}),
        ({"signing_secret": SECRET, "token": TOKEN}, {"x_signature": signature()}),
    ],
)
def test_a_push_that_lacks_a_proof_is_forged(secrets, headers):
    with pytest.raises(Forged) as forged:
        connector("generic").verify(push(**headers), secrets)
    assert TOKEN not in str(forged.value)
    assert SECRET not in str(forged.value)


# Our JSON


def test_a_local_time_is_read_in_the_zone_of_the_event_then_of_the_shipment_then_of_the_place():
    told = events(
        ours(
            {"at": "2026-07-01T12:00:00", "zone": "Asia/Tokyo"},
            {"at": "2026-07-01T12:00:00", "place": {"city": "Lyon", "country": "fr"}},
            {"at": "2026-07-01T12:00:00+02:00", "zone": "Asia/Tokyo"},
            {"at": "2026-07-01"},
            zone="America/Toronto",
        )
    )
    assert [(one.at and one.at.hour, one.time_basis) for one in told] == [
        (3, "carrier"),
        (16, "carrier"),
        (10, "offset"),
        (None, "date_only"),
    ]
    (there,) = events(ours({"at": "2026-07-01T12:00:00", "place": {"city": "Lyon", "country": "fr"}}))
    assert (there.at, there.time_basis) == (datetime(2026, 7, 1, 10, tzinfo=UTC), "place")
    (nowhere,) = events(ours({"at": "2026-07-01T12:00:00"}))
    assert (nowhere.at, nowhere.local_time) == (None, datetime(2026, 7, 1, 12))  # noqa: DTZ001 - a clock on the wall


def test_words_count_before_the_carriers_code_and_a_bare_code_stays_unknown():
    word, code = events(
        ours({"at": "2026-07-01", "status": "delivered", "code": "Z9"}, {"at": "2026-07-01", "code": "Z9"})
    )
    assert (word.status, word.substatus, word.codes) == (Status.DELIVERED, "other", ("status/delivered/other", "Z9"))
    assert (code.status, code.substatus, code.code) == (Status.UNKNOWN, "unlisted_code", "Z9")


def test_the_whole_of_a_shipment_is_told():
    (detail,) = read(
        ours(
            service="Bike",
            service_code="B1",
            pieces=["P1", "P2"],
            eta="2026-07-03",
            references=["S-1", 77],
            weight_grams=900,
            dimensions_mm=[3, 2, 1],
            origin={"city": "Graz"},
            pickup_until="2026-07-09",
            tracking_url="https://k.example/KF-1",
            continues_as={"number": "N2"},
        )
    ).details
    assert (detail.service, detail.service_code, detail.pieces, detail.pieces_total) == ("Bike", "B1", ("P1", "P2"), 2)
    assert (detail.eta, detail.references) == (Window(date(2026, 7, 3), date(2026, 7, 3)), ("S-1", "77"))
    assert (detail.weight_grams, detail.dimensions_mm, detail.origin) == (900, (3, 2, 1), Place(city="Graz"))
    assert (detail.pickup_until, detail.continues_as) == (date(2026, 7, 9), (None, "N2"))
    assert detail.tracking_url == "https://k.example/KF-1"


@pytest.mark.parametrize(
    "event",
    [
        {"at": "2026-07-01", "status": "Delivered"},
        {"at": "2026-07-01", "status": "delivered", "substatus": "picked_up"},
        {"at": "2026-07-01", "substatus": "signed"},
        {"at": "2026-07-01T12:00:00", "zone": "Mars/Olympus"},
        {"at": "2026-07-01T12:00:00", "zone": "../etc/passwd"},
        {"at": "2026-07-01", "place": {"country": "Austria"}},
        {"at": "2026-07-01", "returning": 1},
        {"at": "2026-07-01", "eta": {"until": "2026-07-02"}},
        {"at": "yesterday"},
        {"status": "delivered"},
        "delivered",
        None,
    ],
)
def test_what_is_not_as_described_costs_its_shipment_alone(event):
    bad = {"number": "KF-2", "events": [event]}
    good = {"number": "KF-3", "events": [{"at": "2026-07-01", "status": "delivered"}]}
    told = read(json.dumps({"shipments": [bad, good]}))
    assert isinstance(told.trouble, Unreadable)
    assert [one.number for one in told.scans] == ["KF-3"]


@pytest.mark.parametrize("said", [{"tracking_url": "javascript:x()"}, {"weight_grams": 1.5}, {"dimensions_mm": [1, 2]}])
def test_a_detail_of_another_kind_is_refused(said):
    assert isinstance(read(ours(**said)).trouble, Unreadable)


# X12 214


def test_a_transaction_is_read_in_its_order_with_places_stops_and_references():
    body = x12_body(
        "B10*P1*BOL7*TREK", "L11*PO9*PO", "LX*1", "AT7*X3*NS***20261103*0905*LT", "MS1*ATLANTA*GA", "L11*4*QN",
        "AT7*AF*NS***20261103*095012", "LX*2", "AT7*AH*B1***20261104*1000*ES", "MS1*TORONTO*ON*CA",
    )  # fmt: skip
    told = events(body)
    assert [(one.code, one.place.city, one.place.country, dict(one.extra)) for one in told] == [
        ("x12/X3", "ATLANTA", "US", {"stop": "4"}),
        ("x12/AF", None, None, {"stop": "4"}),
        ("x12/AH/B1", "TORONTO", "CA", {}),
    ]
    assert told[0].at == datetime(2026, 11, 3, 14, 5, tzinfo=UTC)
    assert told[1].at is None, "no place, no zone"
    assert told[2].at == datetime(2026, 11, 4, 15, tzinfo=UTC)
    assert read(body).details[0].references == ("BOL7", "PO9")


def test_an_estimate_is_a_promise_and_no_event_of_the_future():
    first, second = events(
        x12_body("B10*P1**T", "AT7*AG*NS***20261109*1400*UT", "AT7*AG*NS***20261110*1400*UT", "AT7*D1*NS")
    )[:2]
    assert (first.at, first.local_time, first.moves) == (None, date(2026, 11, 5), "informs")
    assert first.eta == Window(datetime(2026, 11, 9, 14, tzinfo=UTC), datetime(2026, 11, 9, 14, tzinfo=UTC))
    assert first.id != second.id, "another estimate on the same day is another event"


def test_a_bound_of_an_appointment_leaves_the_other_side_open():
    noon = datetime(2026, 11, 9, 12, tzinfo=UTC)
    early, late = events(x12_body("B10*P1**T", "AT7***ED*NA*20261109*1200*UT", "AT7***LD*NA*20261109*1200*UT"))
    assert (early.eta, late.eta) == (Window(noon, None), Window(None, noon))


def test_a_time_code_we_do_not_know_leaves_the_day_only():
    (told,) = events(x12_body("B10*P1**T", "AT7*X4*NS***20261104*1000*09", "MS1*ATLANTA*GA*US"))
    assert (told.at, told.local_time, dict(told.extra)) == (
        None,
        date(2026, 11, 4),
        {"time": "1000", "time_code": "09"},
    )


@pytest.mark.parametrize(
    "body",
    [
        x12_body("B10*P1**T", "AT7*D1*NS***20261104", kind="997"),
        x12_body("AT7*D1*NS***20261104"),
        x12_body("B10***T", "AT7*D1*NS***20261104"),
        x12_body("B10*P1**T", "AT7*D1*NS*AB*NA*20261104"),
        x12_body("B10*P1**T", "AT7*D1*NS***20261304"),
        x12_body("B10*P1**T", "AT7*D1*NS***20261104*2561"),
        x12_body("B10*P1**T").replace("SE*3*", "SE*4*"),
        x12_body("B10*P1**T").replace("SE*3*0001", "SE*3*0002"),
        x12_body("B10*P1**T").replace("GE*1*1", "GE*2*1"),
        x12_body("B10*P1**T").replace("GE*1*1", "GE*1*2"),
        x12_body("B10*P1**T").replace("IEA*1*000000042", "IEA*1*000000043"),
        x12_body("B10*P1**T").replace("*P*>~", "*P**~"),
        x12_body("B10*P1**T").replace("*TREK           *", "*TREK*"),
        x12_body("B10*P1**T") + "and more",
    ],
)
def test_an_x12_that_breaks_a_rule_is_unreadable(body):
    told = read(body)
    assert isinstance(told.trouble, Unreadable)
    assert not told.scans


def test_a_bad_transaction_costs_itself_and_interchanges_may_follow_each_other():
    good, bad = x12_body("B10*P1**T", "AT7*D1*NS***20261104"), x12_body("B10*P2**T", "AT7*D1*NS***2026")
    told = read(f"{good}\r\n{bad}\n{good.replace('P1', 'P3').replace('*', '|').replace('~', '!')}\n")
    assert [one.number for one in told.scans] == ["P1", "P3"]
    assert isinstance(told.trouble, Unreadable)


# EDIFACT IFTSTA


def test_the_same_number_means_other_things_in_another_directory():
    group = ("CNI+1+C1", "STS+1+13", "DTM+334:20261105:102")
    (old,), (new,) = events(edi_body(*group)), events(edi_body(*group, version="D:01B"))
    assert (old.code, old.status, old.substatus) == ("d96a/13", Status.IN_TRANSIT, "picked_up")
    assert (new.code, new.status) == ("d24a/1/13", Status.UNKNOWN)
    assert events(edi_body(*group, version="D:96B"))[0].code == "d96a/13"
    assert events(edi_body(*group, version="D:97A"))[0].code == "d24a/1/13"


def test_a_reason_refines_its_status_and_a_private_list_is_never_the_standards():
    def codes(sts, version="D:96A"):
        return read(edi_body("CNI+1+C1", sts, version=version)).scans[0].codes

    assert codes("STS+1+56+7+14") == ("d96a/56/7", "d96a/56/14", "d96a/56")
    assert codes("STS+1+2+138", "D:24A") == ("d24a/1/2/138", "d24a/1/2", "d24a/1/reason/138")
    assert codes("STS+1++138", "D:24A") == ("d24a/1/reason/138",)
    assert codes("STS+14+157", "D:24A") == ("d24a/14/157",)
    assert codes("STS+1+21::6") == ("d96a/21",)
    assert codes("STS+1+21:OWN") == ("d96a/OWN::21",)
    assert codes("STS+1+31::ZZZ") == ("d96a/:ZZZ:31",)
    assert codes("STS+1+23+7:OWN:ZZZ") == ("d96a/23/OWN:ZZZ:7", "d96a/23")
    assert codes("STS+1+A:OWN:ZZZ+138", "D:24A") == ("d24a/1/OWN:ZZZ:A/138", "d24a/1/OWN:ZZZ:A", "d24a/1/reason/138")
    assert codes("STS+1::ZZZ+21", "D:24A") == ("d24a/:ZZZ:1/21",)


@pytest.mark.parametrize(
    ("dtm", "at"),
    [
        ("20261105:102", date(2026, 11, 5)),
        ("261105:101", date(2026, 11, 5)),
        ("202611050930:203", "09:30:00"),
        ("2611050930:201", "09:30:00"),
        ("20261105093015:204", "09:30:15"),
        ("202611050930", "09:30:00"),
        ("202611050930?+0130:205", "09:30:00+01:30"),
        ("202611050930UTC:303", "09:30:00+00:00"),
    ],
)
def test_times_come_as_their_format_says(dtm, at):
    (scan,) = read(edi_body("CNI+1+C1", "STS+1+21", f"DTM+334:{dtm}")).scans
    assert scan.at == (datetime.fromisoformat(f"2026-11-05T{at}") if isinstance(at, str) else at)


def test_of_several_times_the_status_change_counts_and_an_estimate_is_a_promise():
    (scan,) = read(
        edi_body("CNI+1+C1", "STS+1+24", "DTM+186:20261104:102", "DTM+334:20261105:102", "DTM+132:20261107:102")
    ).scans
    assert (scan.at, scan.eta) == (date(2026, 11, 5), Window(date(2026, 11, 7), date(2026, 11, 7)))


def test_numbers_places_words_and_pieces_are_kept_apart():
    told = read(
        edi_body(
            "RFF+CN:ALL", "CNI+1+C1", "LOC+8+ATVIE:139:6:WIEN", "STS+1+18", "RFF+CN:N1", "RFF+ON:O1",
            "FTX+AAI+++A?+B ?? C:D?'E", "LOC+14+HUB22::91:HALLE", "TDT+20", "RFF+CN:TRUCK", "LOC+9+DEHAM:139:6:X",
            "GID+1", "PCI+24", "GIN+BJ+340123450000000017+1:9+340123450000000024", "CNI+2+C2", "STS+1+31",
            "LOC+7+ATVIE:139:6:WIEN",
        )
    )  # fmt: skip
    assert told.trouble is None
    assert [(one.number, one.piece, one.text, one.place, dict(one.extra)) for one in told.scans] == [
        ("N1", "340123450000000017", "A+B ? C D'E", Place(facility="HALLE", facility_id="HUB22"), {}),
        ("N1", "340123450000000024", "A+B ? C D'E", Place(facility="HALLE", facility_id="HUB22"), {}),
        ("C2", None, "", Place(city="WIEN", country="AT"), {"unlocode": "ATVIE"}),
    ]
    assert told.scans[2].codes == ("d96a/31/loc-7", "d96a/31")
    assert [(one.number, one.references, one.destination) for one in told.details] == [
        ("N1", ("C1", "O1", "ALL"), Place(city="WIEN", country="AT")),
        ("C2", ("ALL",), None),
    ]


def test_a_number_of_the_whole_message_counts_for_a_lone_consignment_only():
    one, two = ("CNI+1+C1", "STS+1+21"), ("CNI+2+C2", "STS+1+21")
    assert [scan.number for scan in read(edi_body("RFF+CN:N1", *one)).scans] == ["N1"]
    assert [scan.number for scan in read(edi_body("RFF+CN:N1", *one, *two)).scans] == ["C1", "C2"]


def test_una_names_the_signs_and_the_character_set_is_the_one_unb_names():
    body = edi_body("CNI+1+C1", "STS+1+21", "FTX+AAI+++TOR 3\u00df")
    odd = body.replace("'", "\n").replace("+", "|").replace(":", ";")
    (scan,) = read(("UNA;|.  \n" + odd).encode("iso8859-1")).scans
    assert (scan.codes, scan.text) == (("d96a/21",), "TOR 3\u00df")
    (scan,) = read(body.replace("UNOC", "UNOE").replace("\u00df", "\u0416").encode("iso8859-5")).scans
    assert scan.text == "TOR 3\u0416"


GROUP = ("CNI+1+C1", "STS+1+21")


@pytest.mark.parametrize(
    "body",
    [
        edi_body(*GROUP, kind="CONTRL"),
        edi_body(*GROUP, version="S:93A"),
        edi_body(*GROUP, bgm="BGM+77+1+1"),
        edi_body(),
        edi_body("CNI+1", "STS+1+21"),
        edi_body(*GROUP, "DTM+334:2026:602"),
        edi_body(*GROUP, "DTM+334:202613050930:203"),
        edi_body(*GROUP).replace("UNT+5", "UNT+6"),
        edi_body(*GROUP).replace("UNT+5+1", "UNT+5+2"),
        edi_body(*GROUP).replace("UNZ+1+R1", "UNZ+2+R1"),
        edi_body(*GROUP).replace("UNZ+1+R1", "UNZ+1+R2"),
        edi_body(*GROUP, una="UNA++.? '"),
        edi_body(*GROUP, una="UNAA+.? '"),
        edi_body(*GROUP)[4:],
    ],
)
def test_an_edifact_that_breaks_a_rule_is_unreadable(body):
    told = read(body)
    assert isinstance(told.trouble, Unreadable)


def test_release_characters_make_text_of_what_follows():
    text = "UNB+UNOC:3+a?+b+c??+??????:x+R?'1'UNZ+0+R?'1'"
    assert list(edifact.messages(text)) == []
    segment = edifact._segment("T+a?+b?:c:d??:e???'", edifact.Signs())
    assert segment == [["T"], ["a+b:c", "d?", "e?'"]]


# Hostile bodies


@pytest.mark.parametrize("sample", EDI, ids=lambda sample: sample.name)
def test_a_cut_interchange_is_never_taken_for_whole(sample):
    for length in range(len(sample.body)):
        assert isinstance(read(sample.body[:length]).trouble, Unreadable), length


@pytest.mark.parametrize("sample", EDI, ids=lambda sample: sample.name)
def test_a_lost_or_doubled_segment_is_always_noticed_and_odd_elements_never_break(sample):
    segments = sample.body.splitlines()
    for at, segment in enumerate(segments):
        if not segment.startswith(b"UNA"):
            assert read(b"\n".join(segments[:at] + segments[at + 1 :])).trouble is not None, segment
        if sample.name != "x12-wrong-count":  # a segment more is what its count says
            assert read(b"\n".join(segments[: at + 1] + segments[at:])).trouble is not None, segment
        for sign in (b"*", b"|", b"+", b":"):
            for junk in (b"", b"~\xff", b"-7500000000", b"?", sign * 3):
                parts = segment.split(sign)
                for place in range(1, len(parts)):
                    odd = sign.join([*parts[:place], junk, *parts[place + 1 :]])
                    survives(b"\n".join([*segments[:at], odd, *segments[at + 1 :]]))


def survives(body):
    """Read and normalise; whatever cannot be read is `Unreadable` and nothing else is raised."""
    told = reading.read(connector("generic"), payload(body))
    assert told.trouble is None or isinstance(told.trouble, Unreadable)
    try:
        orjson.dumps(reading.document(connector("generic"), payload(body)))
    except Unreadable:
        assert told.trouble is not None


STARTS = st.sampled_from([b"", b"{", b"ISA", b"UNA:+.? '", b"UNB+", *(one.body[:110] for one in SAMPLES)])


@given(STARTS, st.binary(max_size=200))
def test_random_bytes_are_unreadable_and_nothing_worse(start, rest):
    survives(start + rest)


@given(st.sampled_from(SAMPLES), st.integers(0, 2000), st.integers(0, 2000), st.binary(max_size=12))
def test_a_body_with_a_piece_replaced_is_read_or_unreadable(sample, one, other, put):
    start, end = sorted((one % (len(sample.body) + 1), other % (len(sample.body) + 1)))
    survives(sample.body[:start] + put + sample.body[end:])


@given(st.text(max_size=4), st.sampled_from(EDI))
def test_odd_separators_are_refused_or_used(signs, sample):
    text = sample.body.decode()
    for old, new in zip("*~>" if sample.name.startswith("x12") else "+':?", signs, strict=False):
        text = text.replace(old, new)
    survives(text.encode("utf-8", "surrogatepass"))


WORDS = st.text(alphabet="ab?+:'", max_size=8)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=4))
def test_what_a_sender_releases_comes_back_as_it_was(segment):
    def released(word):
        return re.sub(r"([?+:'])", r"?\1", word)

    raw = "+".join(":".join(map(released, element)) for element in segment)
    assert edifact._segment(raw, edifact.Signs()) == segment
    assert edifact._find(raw + "'", "'", 0, "?") == len(raw)


@given(st.binary(max_size=300))
def test_the_readers_raise_unreadable_only(rest):
    text = rest.decode("iso8859-1")
    for reader, start in ((x12.transactions, "ISA"), (edifact.messages, "UNB+"), (edifact.messages, "UNA:+.? 'UNB+")):
        with pytest.raises(Unreadable):
            list(reader(start + text))


# The page that tells others how to send


@pytest.mark.parametrize(
    ("name", "number", "words"),
    [
        ("json", "KF-100200300", ["in_transit/picked_up", "delivered/signed"]),
        ("x12", "PRO7700451", ["out_for_delivery/on_route", "delivered/other"]),
        ("edifact", "SP40010020", ["in_transit/picked_up", "delivered/other"]),
    ],
)
def test_the_examples_of_the_page_mean_what_they_show(name, number, words):
    page = (ROOT / "docs" / "generic-carrier.md").read_text("utf-8")
    body = re.search(rf"<!-- example: {name} -->\n```\w*\n(.*?)```", page, re.DOTALL)[1]
    told = events(body)
    assert [f"{one.status.value}/{one.substatus}" for one in told] == words
    assert {one.tracking_number for one in told} == {number}
    assert all(one.at is not None for one in told)


def test_the_page_describes_the_proofs_by_their_names():
    page = (ROOT / "docs" / "generic-carrier.md").read_text("utf-8")
    assert set(connector("generic").facts.secrets) == {"token", "signing_secret"}
    for name in ("`token`", "`signing_secret`", "X-Gateway-Token", "X-Signature", "openssl dgst -sha256 -hmac"):
        assert name in page
    assert connector("generic").facts.push.max_bytes == 2_000_000
