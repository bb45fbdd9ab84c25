import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access_core.identifiers import INS, INS_NIA, INS_NIR, INS_TEST, RPPS, MssAddress, ins_key
from vaguemestre.kernel.errors import InvalidIdentifier

VALID_INS = (
    "279035121518989",
    "277076322082910",
    "207058575627097",
    "188102B17295264",
    "285042A00411892",
    "285042B00411822",
    "255069999999934",
    "146026322000196",
)
PATIENT_DOMAINS = frozenset({"patient.mssante.fr"})


@pytest.mark.requirement("VGM:ID-INS")
@pytest.mark.parametrize("text", VALID_INS)
def test_an_ins_with_the_right_key_is_read(text):
    ins = INS.parse(text)

    assert (ins.value, ins.matricule, ins.key, ins.oid) == (text, text[:13], text[13:], INS_NIR)
    assert ins.key_matches


def test_spaces_and_small_letters_are_read():
    ins = INS.parse(" 1 88 10 2b 172 952 64 ")

    assert ins == INS.parse("188102B17295264")


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("", "empty"),
        ("27903512151898", "one digit short"),
        ("2790351215189890", "one digit long"),
        ("779035121518989", "number of a foreign scheme"),
        ("579035121518989", "migrant number"),
        ("279135121518989", "month 13"),
        ("279005121518989", "month 00"),
        ("2790351215189x9", "letter in the key"),
        ("27903512C518989", "letter elsewhere"),
        ("2790351٢1518989", "digit of another script"),
        ("2790351215189+9", "sign"),
    ],
    ids=lambda value: value or "empty",
)
def test_what_is_not_an_ins_is_refused_without_being_quoted(text, flaw):
    with pytest.raises(InvalidIdentifier, match="not 13 characters") as refusal:
        INS.parse(text)

    assert not text or text not in str(refusal.value), flaw


@pytest.mark.requirement("VGM:ID-INS")
@pytest.mark.parametrize("text", ["288091234567823", "253097812634581", "279035121518900", "279035121518998"])
def test_a_wrong_key_is_refused_unless_told_otherwise(text):
    with pytest.raises(InvalidIdentifier, match="key does not match"):
        INS.parse(text)

    lenient = INS.parse(text, strict=False)

    assert lenient.value == text
    assert not lenient.key_matches


def test_the_oid_follows_the_first_digit_unless_given():
    matricule = "3790351215189"

    nia = INS.parse(f"{matricule}{ins_key(matricule):02}")
    sample = INS.parse("279035121518989", oid=INS_TEST)

    assert (nia.oid, sample.oid) == (INS_NIA, INS_TEST)
    with pytest.raises(InvalidIdentifier, match="assigning authority"):
        INS.parse("279035121518989", oid="1.2.3")


def test_no_identifier_shows_itself_in_a_traceback():
    ins, rpps = INS.parse("279035121518989"), RPPS.parse("10003461033")
    address = MssAddress.parse("279035121518989@patient.mssante.fr")

    assert [repr(ins), str(ins), repr(rpps)] == ["INS(…89)", "INS(…89)", "RPPS(…33)"]
    assert repr(address) == "MssAddress(…@patient.mssante.fr)"


@given(st.integers(1_00_01_01_000_000, 4_99_99_99_999_999))
@settings(deadline=None)
def test_one_key_out_of_97_is_right(number):
    matricule = str(number)

    assert 1 <= ins_key(matricule) <= 97
    assert (number + ins_key(matricule)) % 97 == 0


@given(st.text(max_size=40))
@settings(deadline=None)
def test_any_text_is_an_identifier_or_is_refused(text):
    for parse in (INS.parse, RPPS.parse, MssAddress.parse):
        try:
            identifier = parse(text)
        except InvalidIdentifier:
            continue
        assert identifier == parse(getattr(identifier, "value", getattr(identifier, "number", str(identifier))))


@pytest.mark.requirement("VGM:ID-RPPS")
@pytest.mark.parametrize("text", ["10002422979", "10000441302", "10004000922", "10000336601", "99700218896"])
def test_an_rpps_passes_luhn(text):
    rpps = RPPS.parse(text)

    assert rpps.luhn_matches
    assert RPPS.parse(rpps.national_id) == rpps


@pytest.mark.requirement("VGM:ID-RPPS")
def test_an_rpps_that_fails_luhn_is_read_all_the_same():
    rpps = RPPS.parse("810003461033")

    assert rpps.number == "10003461033"
    assert not rpps.luhn_matches


@pytest.mark.parametrize("text", ["", "1000242297", "100024229790", "1000242297a", "910003461033"])
def test_what_is_not_an_rpps_is_refused(text):
    with pytest.raises(InvalidIdentifier):
        RPPS.parse(text)


def test_an_address_is_read_in_small_letters():
    address = MssAddress.parse(" Camille.Martin@Demo.MSSante.fr ")

    assert (address.local, address.domain) == ("camille.martin", "demo.mssante.fr")
    assert str(address) == "camille.martin@demo.mssante.fr"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "camille.martin",
        "@demo.mssante.fr",
        "camille@",
        "camille@localhost",
        "camille..martin@demo.mssante.fr",
        ".camille@demo.mssante.fr",
        "camille martin@demo.mssante.fr",
        "camille@demo@mssante.fr",
        "camille@-demo.mssante.fr",
        "camille@demo.mssante.fr.",
        "camille@demo\r\n.mssante.fr",
        "camille@[127.0.0.1]",
        "josé@demo.mssante.fr",
        "camille@\N{KELVIN SIGN}.mssante.fr",  # a k, once in small letters
        "x" * 65 + "@demo.mssante.fr",
        "camille@" + "x." * 124 + "fr",
    ],
)
def test_what_is_not_an_address_is_refused(text):
    with pytest.raises(InvalidIdentifier, match="address"):
        MssAddress.parse(text)


@pytest.mark.requirement("MSS2:ECO.3.1.2")
@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("279035121518989@patient.mssante.fr", "279035121518989"),
        ("188102b17295264@patient.mssante.fr", "188102B17295264"),
        ("279035121518989@demo.mssante.fr", None),
        ("reponse.automatique-test@patient.mssante.fr", None),
        ("288091234567823@patient.mssante.fr", None),
    ],
)
def test_the_patient_is_read_from_her_address(address, value):
    ins = MssAddress.parse(address).ins(PATIENT_DOMAINS)

    assert (ins and ins.value) == value


def test_sample_patients_need_a_lenient_reading():
    address = MssAddress.parse("288091234567823@patient.mssante.fr")

    ins = address.ins(PATIENT_DOMAINS, strict=False)

    assert ins == INS.parse("288091234567823", strict=False)
