"""The téléservice INSi: what is asked, how its answers and its failures are read, over real mutual TLS."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from lxml import etree

from access_core.directories.identities import AnswerCode, Traits
from access_core.directories.insi_messages import (
    ANSWER_LIMIT_BYTES,
    Software,
    given_names_to_try,
    read_answer,
    write_search,
)
from access_core.directories.insi_service import InsiEndpoint, InsiService
from tests.conftest import NOON
from tests.standins.insi import FAULT, Teleservice, envelope, fault, result, start_teleservice
from vaguemestre.kernel.errors import ConfigurationError, TemporaryFailure

LEA = "260058815400233"
SOFTWARE = Software(idam="N1TEST", name="vaguemestre", version="1", emitter="10B0152872", instance="instance-1")
TRAITS = Traits(family="D’Urand-Œuvré", given="Léa Marie", birth_date=date(1979, 3, 12), sex="F")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teleservice]:
    with start_teleservice(tmp_path_factory.mktemp("insi")) as service:
        yield service


@pytest.fixture
def teleservice(running: Teleservice) -> Teleservice:
    running.answers, running.respond = {}, None
    running.asked.clear()
    return running


def service(teleservice: Teleservice, *, client: str = "client", timeout_s: float = 10.0) -> InsiService:
    folder = teleservice.folder
    endpoint = InsiEndpoint(
        url=teleservice.url,
        certificate=folder / f"{client}.pem",
        key=folder / f"{client}.key",
        authority=folder / "ca.pem",
        timeout_s=timeout_s,
    )
    return InsiService(endpoint, SOFTWARE, lambda: NOON)


def texts(request: bytes) -> dict[str, str | None]:
    """The texts of a request by the local name of their element."""
    return {etree.QName(each).localname: each.text for each in etree.fromstring(request).iter() if each.text}


@pytest.mark.requirement("VGM:IDENTITY-CHECK")
def test_the_traits_and_the_software_are_sent_as_the_service_wants_them(teleservice: Teleservice) -> None:
    teleservice.answers["LEA MARIE"] = ("00", LEA)

    answer = service(teleservice).by_traits(TRAITS)

    assert answer.code is AnswerCode.ONE
    assert answer.ins is not None
    assert (answer.ins.value, answer.ins.oid) == (LEA, "1.2.250.1.213.1.4.10")
    (request,) = teleservice.asked
    sent = texts(request)
    assert (sent["NomNaissance"], sent["Prenom"]) == ("D'URAND-OEUVRE", "LEA MARIE")
    assert (sent["Sexe"], sent["DateNaissance"]) == ("F", "1979-03-12")
    assert (sent["IDAM"], sent["Nom"], sent["Emetteur"]) == ("N1TEST", "urn:lps:vaguemestre:1", "10B0152872")
    assert sent["Action"] == "urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecTraitsIdentite"
    assert "LieuNaissance" not in sent


@pytest.mark.requirement("VGM:IDENTITY-CHECK")
@pytest.mark.parametrize(
    ("answers", "code", "asked"),
    [
        ({"LEA": ("00", LEA)}, AnswerCode.ONE, 2),
        ({"LEA": ("02", "")}, AnswerCode.SEVERAL, 2),
        ({"LEA MARIE": ("02", ""), "LEA": ("00", LEA)}, AnswerCode.SEVERAL, 1),
        ({}, AnswerCode.NONE, 2),
    ],
)
def test_nobody_is_taken_for_somebody(
    teleservice: Teleservice, answers: dict[str, tuple[str, str]], code: AnswerCode, asked: int
) -> None:
    teleservice.answers = answers

    answer = service(teleservice).by_traits(TRAITS)

    assert (answer.code, answer.ins is not None) == (code, code is AnswerCode.ONE)
    assert len(teleservice.asked) == asked


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (500, envelope(fault()), FAULT),
        (500, envelope(fault("un texte avec des blancs")), "s:Sender"),
        (200, envelope(""), "no result"),
        (200, envelope(result("99")), "code 99"),
        (200, envelope(result("<b/>")), "code \\?"),
        (200, envelope(result("00")), "without an active INS"),
        (200, envelope(result("00", "12")), "cannot be read"),
        (200, b"<html>", "not XML"),
        (200, b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "not XML"),
        (200, b" " * (ANSWER_LIMIT_BYTES + 1), "not XML"),
        (302, b"", "answered 302"),
        (403, b"", "answered 403"),
    ],
)
def test_what_is_no_answer_is_told_without_a_name(
    teleservice: Teleservice, status: int, content: bytes, message: str
) -> None:
    teleservice.respond = lambda _given: (status, content)

    with pytest.raises(TemporaryFailure, match=message) as raised:
        service(teleservice).by_traits(TRAITS)

    assert "DURAND" not in str(raised.value)


def test_a_service_that_is_away_or_silent_is_told(teleservice: Teleservice) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        waiting = Teleservice(f"https://localhost:{port}/lps", teleservice.folder)
        with pytest.raises(TemporaryFailure, match="no answer"):
            service(waiting, timeout_s=0.05).by_traits(TRAITS)
    with pytest.raises(TemporaryFailure, match="no answer"):
        service(waiting).by_traits(TRAITS)


def test_a_stranger_is_not_answered_and_an_unknown_authority_not_believed(
    teleservice: Teleservice, tmp_path: Path
) -> None:
    with start_teleservice(tmp_path) as other:
        for name in ("client.pem", "client.key"):
            shutil.copy(other.folder / name, teleservice.folder / f"stranger{Path(name).suffix}")
        believed = Teleservice(other.url, teleservice.folder)

        with pytest.raises(TemporaryFailure, match="no answer"):
            service(teleservice, client="stranger").by_traits(TRAITS)
        with pytest.raises(TemporaryFailure, match="SSLCertVerificationError"):
            service(believed).by_traits(TRAITS)

    assert (teleservice.asked, other.asked) == ([], [])


def test_a_wrong_place_or_file_is_named_before_anything_is_asked(teleservice: Teleservice) -> None:
    with pytest.raises(ConfigurationError, match="https"):
        service(Teleservice("http://localhost/lps", teleservice.folder))
    with pytest.raises(ConfigurationError, match="FileNotFoundError"):
        service(teleservice, client="absent")


@pytest.mark.parametrize(
    ("given", "tried"), [("Zoé", ("ZOE",)), ("Jean-Marc  Œdipe", ("JEAN-MARC OEDIPE", "JEAN-MARC")), ("3", ())]
)
def test_given_names_are_tried_whole_then_first(given: str, tried: tuple[str, ...]) -> None:
    assert given_names_to_try(given) == tried


def test_a_birth_place_is_sent_when_it_is_known() -> None:
    traits = Traits(family="Durand", given="Léa", birth_date=date(1979, 3, 12), sex="F", birth_place="51215")

    assert texts(write_search(traits, "LEA", SOFTWARE, message_id="m", now=NOON))["LieuNaissance"] == "51215"


def test_an_answer_is_read_whatever_its_prefixes() -> None:
    prefixed = result("00", LEA).replace('xmlns="', 'xmlns:n="').replace("<", "<n:").replace("<n:/", "</n:")

    assert read_answer(envelope(prefixed)).code is AnswerCode.ONE
