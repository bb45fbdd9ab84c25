"""Contents over real sockets: a real clamd with a signature of our own, archives, and what is told of a refusal."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.test_smtp_submission import refusal
from tests.standins.clamd import MARK, clamd
from tests.standins.ports import free_port
from tests.unit.smtp_gateway.test_content_rules import SAMPLES, letter_with, nested, zipped
from tests.unit.smtp_gateway.world import DURAND, MARTIN, PATIENT, PEER, Options, World, letter, running

INFECTED = "550 5.7.1 Un logiciel malveillant a ete trouve dans le message. [S_VIRUS]"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with clamd(tmp_path_factory.mktemp("clamd")) as addresses:
        yield addresses


@pytest.fixture(params=[0, 1], ids=["unix", "tcp"])
def world(tmp_path: Path, daemon: tuple[str, str], request: pytest.FixtureRequest) -> Iterator[World]:
    options = Options(antivirus={"socket": daemon[request.param], "timeout_s": 30})
    with running(tmp_path, options) as started:
        yield started


def from_martin(*files: tuple[str, bytes]) -> bytes:
    return letter_with(*files, To=DURAND, Subject="Documents").replace(b"From: a@b.fr", f"From: {MARTIN}".encode())


def submit(world: World, data: bytes) -> str:
    client = world.at_submission()
    try:
        return refusal(client, MARTIN, DURAND, data)
    finally:
        client.close()


def test_infected_letter_is_refused_on_both_sides_and_traced(world: World) -> None:
    client = world.at_mx()
    body = letter(PEER, MARTIN) + MARK + b"\r\n"

    received = refusal(client, PEER, MARTIN, body)
    submitted = submit(world, letter(MARTIN, DURAND) + MARK + b"\r\n")

    assert received == submitted == INFECTED
    assert world.messages(MARTIN) == world.messages(DURAND) == []
    assert world.traces().count(("message_refused", "DENY", "S_VIRUS")) == 2
    assert refusal(client, PEER, MARTIN, letter(PEER, MARTIN)) == "250"
    client.close()


def test_virus_in_an_archive_in_an_archive_that_calls_itself_xdm_is_found(world: World) -> None:
    hidden = zipped([("IHE_XDM/SUBSET01/DOC00001.XML", b"<x/>"), ("inner.zip", nested(2, b"abc" + MARK))])
    clean = zipped([("README.TXT", b"x"), ("IHE_XDM/SUBSET01/DOC00001.XML", b"<x/>")])

    assert submit(world, from_martin(("IHE_XDM.zip", hidden))) == INFECTED
    assert submit(world, from_martin(("IHE_XDM.zip", clean))) == "250"


def test_virus_at_the_end_of_a_large_message_is_found(world: World) -> None:
    noise = b"%PDF-1.4" + bytes(range(256)) * 20_000

    assert submit(world, from_martin(("scan.pdf", noise + MARK))) == INFECTED
    assert submit(world, from_martin(("scan.pdf", noise))) == "250"
    assert len(world.messages(DURAND)) == 1


@pytest.mark.parametrize(
    ("when_down", "said"),
    [
        ("defer", "451 4.7.1 L'antivirus est indisponible. Reessayez plus tard. [S_ANTIVIRUS_INDISPONIBLE]"),
        ("accept", "250"),
    ],
)
def test_message_waits_or_passes_while_the_antivirus_is_away(tmp_path: Path, when_down: str, said: str) -> None:
    options = Options(antivirus={"socket": f"127.0.0.1:{free_port()}", "when_down": when_down})
    with running(tmp_path, options) as world:
        assert submit(world, letter(MARTIN, DURAND)) == said
        assert len(world.messages(DURAND)) == (said == "250")


def test_antivirus_that_never_answers_costs_its_time_limit(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with running(tmp_path, Options(antivirus={"socket": address, "timeout_s": 0.3})) as world:
            assert submit(world, letter(MARTIN, DURAND)).endswith("[S_ANTIVIRUS_INDISPONIBLE]")


def test_only_files_are_scanned_when_asked(tmp_path: Path) -> None:
    options = Options(antivirus={"socket": f"127.0.0.1:{free_port()}", "scope": "files"})
    with running(tmp_path, options) as world:
        assert submit(world, letter(MARTIN, DURAND)) == "250"
        assert submit(world, from_martin(("a.pdf", SAMPLES["pdf"]))).endswith("[S_ANTIVIRUS_INDISPONIBLE]")


def test_type_rules_hold_without_an_antivirus_and_html_is_left_alone(tmp_path: Path) -> None:
    page = b"<html><script>alert(1)</script><img src=http://x/></html>\r\n"
    html = letter(MARTIN, DURAND, Content_Type="text/html; charset=utf-8").replace(b"Bonjour.\r\n", page)
    with running(tmp_path) as world:
        refused = submit(world, from_martin(("ordonnance.pdf.exe", SAMPLES["exe"])))

        assert refused == "550 5.7.1 Une piece jointe est d'un type qui n'est pas accepte. [S_PIECE_JOINTE_TYPE]"
        assert ("message_refused", "DENY", "S_PIECE_JOINTE_TYPE") in world.traces()
        assert submit(world, html) == "250"
        assert world.messages(DURAND)[0].endswith(page)


def test_patient_of_another_operator_sends_less_than_a_professional(tmp_path: Path) -> None:
    from smtp_gateway.fin import State
    from tests.scenarios.test_smtp_mx import remote_conversation
    from tests.unit.smtp_gateway.world import OTHER_PATIENT

    with running(tmp_path) as world:
        remote_conversation(world, State.OPEN)
        client = world.at_mx("patients")
        fields = {"To": MARTIN, "In_Reply_To": "<out@demo>"}
        answers = []
        for name, data in (("photo.jpg", SAMPLES["jpeg"]), ("images.zip", SAMPLES["zip"])):
            whole = letter_with((name, data), **fields).replace(b"From: a@b.fr", f"From: {OTHER_PATIENT}".encode())
            answers.append(refusal(client, OTHER_PATIENT, MARTIN, whole))
        client.close()

        assert answers[0] == "250"
        assert answers[1].endswith("[S_PIECE_JOINTE_TYPE]")


def test_many_messages_with_archives_are_looked_into_a_few_at_a_time(tmp_path: Path) -> None:
    archive = zipped((f"{n}.txt", bytes([65 + n % 26]) * 50_000) for n in range(50))
    with running(tmp_path, Options(content={"simultaneous_archives": 1})) as world:
        answers: list[str] = []
        threads = [
            threading.Thread(target=lambda: answers.append(submit(world, from_martin(("a.zip", archive)))))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert answers == ["250"] * 6
        assert len(world.messages(DURAND)) == 6


def test_patient_is_told_in_words_why_her_file_did_not_leave(tmp_path: Path, daemon: tuple[str, str]) -> None:
    from smtp_gateway.compose import Attachment
    from smtp_gateway.replies import Refusal
    from tests.scenarios.test_smtp_patient_reply import reply, write

    with running(tmp_path, Options(antivirus={"socket": daemon[0]})) as world:
        conversation_id = write(world)

        refused = reply(world, conversation_id, "voici", Attachment("a.txt", "text/plain", b"x" + MARK))
        sent = reply(world, conversation_id, "voici", Attachment("a.txt", "text/plain", b"x"))

        assert (refused.refusal, refused.receipt) == (Refusal.VIRUS, None)
        assert sent.receipt is not None
        assert ("message_refused", "DENY", "S_VIRUS") in world.traces()
        assert world.messages(PATIENT, "Envoyés") == world.messages(MARTIN)
