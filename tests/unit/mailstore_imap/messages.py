"""Fictional messages, byte for byte."""

SIMPLE = (
    b"From: =?utf-8?q?L=C3=A9a?= Dupond <lea@exemple.test>\r\n"
    b"To: Camille Martin <camille.martin@demo.mssante.fr>\r\n"
    b"Subject: =?utf-8?b?UsOpc3VsdGF0cw==?= du 3 mars\r\n"
    b"Date: Tue, 3 Mar 2026 09:30:00 +0100\r\n"
    b"Message-ID: <un@exemple.test>\r\n"
    b"X-Suite: premier\r\n"
    b"\tet second\r\n"
    b"\r\n"
    b"Bonjour docteur,\r\n"
    b"voici la photo.\r\n"
)
NESTED = (
    b"From: cardiologie@ch-demo.mssante.fr\r\n"
    b"To: camille.martin@demo.mssante.fr\r\n"
    b"Cc: dr.durand@demo.mssante.fr\r\n"
    b"Subject: Compte rendu\r\n"
    b"Date: Mon, 2 Mar 2026 18:00:00 +0100\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="limite"\r\n'
    b"\r\n"
    b"--limite\r\n"
    b"Content-Type: text/plain; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n"
    b"\r\n"
    b"Il a =E9t=E9 revu ce jour.\r\n"
    b"--limite\r\n"
    b"Content-Type: message/rfc822\r\n"
    b"\r\n"
    b"Subject: Original\r\n"
    b"From: a@exemple.test\r\n"
    b"\r\n"
    b"texte original\r\n"
    b"--limite\r\n"
    b"Content-Type: application/pdf; name=cr.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n"
    b"\r\n"
    b"JVBERi0xLjQK\r\n"
    b"--limite--\r\n"
)


def large(size: int) -> bytes:
    """Return a message of SIZE octets whose body never repeats."""
    header = b"Subject: volumineux\r\n\r\n"
    lines = b"".join(b"%072d\r\n" % number for number in range(size // 74 + 1))
    return (header + lines)[:size]
