"""The TEST trust space around a world: an authority, its operators, the list that names them."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

from vaguemestre.app.pki import Authority, CertificateRequest, operator_subject
from vaguemestre.kernel.tls import server_context

PEER_DOMAIN = "peer.mssante.fr"
PATIENT_DOMAIN = "patient.mssante.fr"
LIST = """<?xml version="1.0" encoding="UTF-8"?>
<ListeBlancheMSSante xmlns="https://listeblanche.mssante.fr/schema"><DateDeGeneration>{at}</DateDeGeneration>
<ListeDomaines>{rows}</ListeDomaines></ListeBlancheMSSante>"""
ROW = "<Domaine><Nom>{domain}</Nom><DNCertificatOperateur>{subject}</DNCertificatOperateur></Domaine>"
SUBJECT = "CN={host},OU=300000000000000,O=TEST OPERATEUR,ST=Paris (75),C=FR"


class Pki:
    """A TEST authority with one server and some operators; files in FOLDER."""

    def __init__(self, folder: Path) -> None:
        now = datetime.now(UTC)
        self.folder = folder
        self.authority = Authority.create(now)
        self.authority.save(folder)
        self.issue("server", "localhost")
        for name in ("peer", "stranger", "patients", "operator"):
            self.issue(name, f"mx.{name}.test")

    def issue(self, stem: str, host: str) -> None:
        subject = operator_subject(host, "TEST OPERATEUR")
        request = CertificateRequest(subject=subject, hosts=(host, "127.0.0.1"), for_client=True)
        self.authority.issue(request, datetime.now(UTC)).write(self.folder, stem)

    def server(self, *, clients: bool) -> ssl.SSLContext:
        ca = self.folder / "ca.pem" if clients else None
        return server_context(self.folder / "server.pem", self.folder / "server.key", client_ca=ca)

    def client(self, stem: str | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        if stem is not None:
            context.load_cert_chain(self.folder / f"{stem}.pem", self.folder / f"{stem}.key")
        return context


def write_whitelist(path: Path) -> None:
    rows = [
        ROW.format(domain=PEER_DOMAIN, subject=SUBJECT.format(host="mx.peer.test")),
        ROW.format(domain=PATIENT_DOMAIN, subject=SUBJECT.format(host="mx.patients.test")),
    ]
    path.write_text(LIST.format(at=datetime.now(UTC).isoformat(), rows="".join(rows)), encoding="utf-8")
