"""`/metrics` counts what happens, by names that are constants of the program."""

import re
from urllib.request import urlopen

from vaguemestre.app.demo.mail import compose, submit
from vaguemestre.app.demo.people import DURAND, MARTIN
from vaguemestre.app.demo.stage import Stage


def accepted(stage: Stage) -> float:
    found = re.search(r'vaguemestre_events_total\{event="message_accepted",role="submission"\} (\S+)', metrics(stage))
    return float(found[1]) if found else 0.0


def metrics(stage: Stage) -> str:
    with urlopen(f"http://127.0.0.1:{stage.ports['metrics']}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def test_an_accepted_message_is_counted_and_nobody_is_named(running_instance: Stage):
    before = accepted(running_instance)
    message = compose(MARTIN, DURAND.address, "Sujet confidentiel", "Texte confidentiel")

    answer = submit(running_instance.ports["submission"], running_instance.tls(), MARTIN, message)

    assert answer == "250"
    assert accepted(running_instance) == before + 1
    text = metrics(running_instance).lower()
    assert not [word for word in ("martin", "durand", "confidentiel", "@") if word in text]


def test_doctor_hears_every_process_and_port_of_a_running_instance(running_instance: Stage) -> None:
    findings = running_instance.program.run("doctor")

    ports = {each["constat"] for each in findings if each["sujet"] == "ports"}
    assert {f"{role} : sert" for role in ("mx", "submission", "imap", "portal", "worker")} <= ports
    assert {f"{name} : {port} écoute" for name, port in running_instance.ports.items() if name != "metrics"} <= ports
    assert not [each for each in findings if each["état"] == "défaut"]
