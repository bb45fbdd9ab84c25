"""The grammar of SMTP commands (RFC 5321 §4.1.2), bytes to values; every tolerance would have a name here.

No tolerance is on: one space between words, no space after the colon, nothing but ASCII unless SMTPUTF8 was
declared.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from smtp_gateway.queue.model import ReportRequest
from vaguemestre.kernel.errors import ProtocolError

# Mailbox = ( Dot-string / Quoted-string ) "@" Domain, each part within the lengths of RFC 5321 §4.5.3.1
MAILBOX = re.compile(
    r"""(?P<local>[^\x00-\x20\x7f-\xa0\u2028\u2029<>()\[\]\\,;:@"]{1,64}|"""
    r""""(?:[^\x00-\x1f\x7f-\x9f\u2028\u2029"\\]|\\[ -~]){0,62}")"""
    r"""@(?P<domain>[^\x00-\x20\x7f-\xa0\u2028\u2029<>()\[\]\\,;:@"]{1,255})"""
)
HOST_NAME = re.compile(r"(?=.{1,255}\Z)(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[A-Za-z0-9:.]+\])", re.ASCII)
PATH = re.compile(r"""<(?:@[^<>:\s]+:)?(?P<mailbox>(?:"(?:[^"\\\r\n]|\\.)*"|[^<>"\s])*)>(?P<parameters>(?: [^ ]+)*)""")
XTEXT = r"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})"  # RFC 3461 §4
ENVELOPE_ID = re.compile(rf"(?=.{{1,100}}\Z){XTEXT}+")
ORIGINAL_RECIPIENT = re.compile(rf"(?=.{{1,500}}\Z)[A-Za-z0-9-]+;{XTEXT}+")
CHUNK = re.compile(r"([0-9]{1,18})( LAST)?", re.ASCII | re.IGNORECASE)
PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e]+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Path:
    """The path of a MAIL or RCPT command."""

    mailbox: str
    """As written, without the brackets; empty for the null reverse path."""
    parameters: Mapping[str, str | None]
    """Keyword in capitals to value, None when there is none."""


def parse_path(keyword: str, argument: str) -> Path:
    """Read `FROM:<a@b> SIZE=10` (KEYWORD is `FROM:` or `TO:`).

    Raises:
        ProtocolError: not that syntax; the text is not quoted.
    """
    if argument[: len(keyword)].upper() != keyword:
        raise ProtocolError("path: keyword expected")
    match = PATH.fullmatch(argument, len(keyword))
    if match is None:
        raise ProtocolError("path: not <mailbox> and parameters")
    parameters: dict[str, str | None] = {}
    for word in match["parameters"].split():
        parameter = PARAMETER.fullmatch(word)
        if parameter is None or parameter[1].upper() in parameters:
            raise ProtocolError("path: parameter malformed or repeated")
        parameters[parameter[1].upper()] = parameter[2]
    return Path(match["mailbox"], parameters)


@dataclass(frozen=True, slots=True)
class RecipientWishes:
    """What RCPT asks of reports: NOTIFY and ORCPT (RFC 3461 §4.1, §4.2), None when it asks nothing."""

    notify: str | None = None
    orcpt: str | None = None

    @property
    def success(self) -> bool:
        """Whether a delivery is to be reported."""
        return self.notify is not None and "SUCCESS" in self.notify.split(",")


def read_wishes(parameters: Mapping[str, str | None]) -> RecipientWishes:
    """Read the parameters of RCPT.

    Raises:
        ProtocolError: NOTIFY or ORCPT malformed.
    """
    notify, orcpt = parameters.get("NOTIFY"), parameters.get("ORCPT")
    if notify is not None:
        notify = notify.upper()
        words = notify.split(",")
        if words != ["NEVER"] and (set(words) - {"SUCCESS", "FAILURE", "DELAY"} or len(set(words)) < len(words)):
            raise ProtocolError("RCPT: NOTIFY is not NEVER or a list of events")
    if orcpt is not None and not ORIGINAL_RECIPIENT.fullmatch(orcpt):
        raise ProtocolError("RCPT: ORCPT is not a type and an address in xtext")
    if ("NOTIFY" in parameters and notify is None) or ("ORCPT" in parameters and orcpt is None):
        raise ProtocolError("RCPT: a parameter lacks its value")
    return RecipientWishes(notify, orcpt)


def read_report_request(parameters: Mapping[str, str | None]) -> ReportRequest:
    """Read RET and ENVID of MAIL.

    Raises:
        ProtocolError: one of them malformed.
    """
    ret, envid = parameters.get("RET"), parameters.get("ENVID")
    if ("RET" in parameters and (ret or "").upper() not in ("FULL", "HDRS")) or (
        "ENVID" in parameters and not ENVELOPE_ID.fullmatch(envid or "")
    ):
        raise ProtocolError("MAIL: RET or ENVID malformed")
    return ReportRequest(ret.upper() if ret else None, envid)


def parse_chunk(argument: str) -> tuple[int, bool]:
    """Read the argument of BDAT (RFC 3030 §2): how many bytes follow, and whether they end the message.

    Raises:
        ProtocolError: not that syntax.
    """
    match = CHUNK.fullmatch(argument)
    if match is None:
        raise ProtocolError("BDAT: not a size and LAST")
    return int(match[1]), match[2] is not None


def is_host_name(text: str) -> bool:
    """Tell whether TEXT is a domain or an address literal (RFC 5321 §4.1.3), as it may stand in a Received field."""
    return HOST_NAME.fullmatch(text) is not None


def is_mailbox(text: str) -> bool:
    """Tell whether TEXT is local part, @ and domain."""
    return MAILBOX.fullmatch(text) is not None
