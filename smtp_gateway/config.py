"""Settings of the gateway: `[smtp]`, `[content]`, `[antivirus]`, `[dkim]`, `[conversation]`, `[trust]` and others.

Read once at start and passed on as values; a duration is in seconds, a size in bytes.
"""

from datetime import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

_PROFESSIONAL_EXTENSIONS = (
    "pdf jpg jpeg png gif tif tiff bmp webp heic heif txt csv tsv rtf doc docx odt xls xlsx ods ppt pptx odp "
    "xml json html htm xsl ics vcf eml msg p7s p7m asc pgp zip dcm dicom hl7 hpr hpr1 hpr2 hprim hpm cda xdm "
    "scp ecg edf mp3 m4a wav ogg mp4 mov stl ply dwg"
)


class SmtpSettings(BaseModel):
    """What the listeners 25, 587 and 465 allow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    processes: int = Field(
        0,
        ge=0,
        le=64,
        description="processes that share the port of mail between operators; 0: one per processor, up to 4",
    )
    hostname: str = Field("localhost", description="name said in the greeting, Received and Authentication-Results")
    domains: tuple[str, ...] = Field((), description="domains whose professional mailboxes live here")
    patient_domains: tuple[str, ...] = Field(
        ("patient.mssante.fr",), description="domains whose local part is an INS; profiles live here"
    )
    postmaster: str | None = Field(
        None,
        description="mailbox here that takes mail for postmaster and abuse of our domains (RFC 5321 §4.5.1, RFC 2142); "
        "none: they are unknown like any other",
    )
    patient_domains_elsewhere: tuple[str, ...] = Field(
        ("patient.mssante.fr",),
        description="domains whose local part is an INS and whose mailboxes another operator has: the same rules of "
        "conversation hold; those of `patient_domains` need not be repeated",
    )
    max_message_bytes: int = Field(26_214_400, ge=65_536, description="largest message, bytes (MES accepts 25 MB)")
    max_header_bytes: int = Field(262_144, ge=8_192, description="largest header part, bytes")
    max_line_bytes: int = Field(1_048_576, ge=1_000, description="longest line of a message, bytes, CRLF included")
    max_recipients: int = Field(100, ge=1, description="recipients of one message (RFC 5321 §4.5.3.1.8: at least 100)")
    max_recipient_domains: int = Field(0, ge=0, description="domains among the recipients of one message; 0: any")
    max_mails: int = Field(1_000, ge=1, description="MAIL commands of one connection before it is closed (RFC 9422)")
    max_received: int = Field(50, ge=2, description="Received fields before a message counts as looping")
    max_errors: int = Field(10, ge=1, description="refused commands of one connection before it is closed")
    max_connections: int = Field(2_000, ge=1, description="connections of one listener at the same time")
    max_connections_per_address: int = Field(100, ge=1, description="the same from one peer address")
    command_timeout_s: float = Field(300, gt=0, description="wait for the next command or chunk, seconds (RFC 5321)")
    before_trust_s: float = Field(60, gt=0, description="time to identify (TLS and AUTH) after connecting, seconds")
    data_floor_bytes_s: int = Field(1_000, ge=1, description="slowest average sending of data, bytes per second")
    recipient_memory_s: float = Field(
        1, ge=0, le=60, description="how long an accepted recipient is remembered at RCPT, seconds; 0: asked each time"
    )
    smtputf8: bool = Field(True, description="offer SMTPUTF8 (RFC 6531); no MSSanté domain or mailbox needs it")
    ascii_headers: bool = Field(
        True, description="refuse a header that is not ASCII in a message not declared SMTPUTF8; false: keep its bytes"
    )
    sender_names: bool = Field(
        True, description="write the name of the mailbox into a From field that has none (MSS2:ECO.2.2.7)"
    )
    ins_key: Literal["strict", "lenient"] = Field(
        "strict", description="lenient accepts a matricule whose key is wrong (ANS samples), for tests"
    )
    one_patient_per_message: bool = Field(
        True, description="refuse a second patient at submission: each would learn the other's address [inferred]"
    )


class DkimSettings(BaseModel):
    """Verification of DKIM signatures at the MX, and signing of what leaves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    public_keys: dict[str, str] = Field(
        default_factory=dict, description='"selector._domainkey.domain" = "v=DKIM1; …"; looked at before DNS'
    )
    dns: bool = Field(True, description="ask DNS for keys that are not listed")
    dns_timeout_s: float = Field(5, gt=0, description="longest wait for DNS, seconds")
    max_signatures: int = Field(3, ge=1, description="signatures looked at per message")
    key_folder: Path = Field(Path("keys"), description="folder of the private keys, `dkim-SELECTOR.pem`")
    selectors: tuple[str, ...] = Field(
        ("vm-rsa", "vm-ed25519"), description="keys that sign what leaves; one that has no file does not sign"
    )


class ConversationSettings(BaseModel):
    """Who may answer whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fin_match: Literal["mention", "exact"] = Field(
        "mention",
        description="mention: [FIN] anywhere in a subject, any case, ends that conversation; "
        "exact: only a subject that is [FIN], capitals, nothing else (MES rule, ENS-1.3 §7)",
    )
    patient_new_conversation: Literal["never", "open_contacts"] = Field(
        "never", description="whether a patient may open a conversation with a professional who wrote and did not end"
    )
    automatic_messages_answerable: bool = Field(
        False, description="whether a patient may answer a message marked Auto-Submitted without Reply-To [inferred]"
    )


class TrustSettings(BaseModel):
    """The MSSanté whitelist."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    whitelist: Path = Field(Path("whitelist.xml"), description="file of the national list, as last accepted")
    max_bytes: int = Field(50_000_000, ge=1, description="largest list read, bytes")
    signature: Literal["required", "if_present", "ignored"] = Field(
        "if_present", description="whether the list must be signed; one that is signed is checked unless ignored"
    )
    signers: Path | None = Field(
        None, description="PEM certificates that may sign the list: those of signers, or of the authority above them"
    )
    signer: str | None = Field(
        None, description="subject of the signer, as the list writes subjects; needed when `signers` holds an authority"
    )
    max_age_s: float | None = Field(
        None,
        ge=0,
        description="age (since the list was made or last confirmed) at which it stops being used, seconds; 0: never; "
        "none: 259200 (72 h) when `url` is set, else never",
    )
    warn_age_s: float = Field(86_400, ge=0, description="age from which each refresh warns, seconds; 0: never")
    url: str | None = Field(None, description="where the national list is published (https); none: `trust load` only")
    authority: Path | None = Field(None, description="PEM authorities of that server (IGC-Santé); none: the system's")
    refresh_every_s: int = Field(3_600, ge=60, description="pause between two looks at the published list, seconds")
    fetch_timeout_s: float = Field(60, gt=0, description="longest wait for the published list, seconds")
    ocsp: Literal["off", "soft", "hard"] = Field(
        "soft",
        description="responder that a peer's certificate names: off: never asked; soft: asked, the list does without "
        "it; hard: a peer waits (451) until it answers",
    )
    ocsp_nonce: Literal["if_echoed", "required"] = Field(
        "if_echoed", description="whether the answer of a responder must repeat our nonce (RFC 8954)"
    )
    expired_crl: Literal["defer", "use"] = Field(
        "defer",
        description="a revocation list past its date, and no newer one: defer: peers wait (451); use: still good",
    )
    revocation_unknown: Literal["defer", "accept"] = Field(
        "defer", description="a certificate that names a list or a responder, and none is reached: wait (451) or accept"
    )
    revocation_timeout_s: float = Field(5, gt=0, description="longest wait for a revocation list or responder, seconds")
    revocation_refresh_s: int = Field(
        3_600, ge=60, description="pause between two fetches of revocation lists, seconds"
    )
    max_crl_bytes: int = Field(50_000_000, ge=1, description="largest revocation list read, bytes")
    keep_ratio: float = Field(
        0.5, ge=0, le=1, description="a list with fewer domains than this share of the one in force is not taken"
    )


class ContentSettings(BaseModel):
    """What messages may carry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patient_extensions: tuple[str, ...] = Field(
        ("jpg", "jpeg", "tif", "tiff", "png", "heic", "heif", "txt", "pdf", "rtf", "doc"),
        description="extensions of the files that a patient may send (list of the national application)",
    )
    professional_extensions: tuple[str, ...] = Field(
        tuple(_PROFESSIONAL_EXTENSIONS.split()),
        description='extensions of the files that a professional may send; "*": all but programs and scripts',
    )
    archive_entries: int = Field(2_000, ge=1, description="files in one archive, at any depth")
    archive_total_bytes: int = Field(209_715_200, ge=1, description="what an archive may hold once unpacked, bytes")
    archive_nested_bytes: int = Field(33_554_432, ge=1, description="largest archive in an archive, unpacked, bytes")
    archive_depth: int = Field(3, ge=1, le=10, description="archives in archives, the outermost counted [inferred]")
    archive_ratio: int = Field(200, ge=2, description="unpacked to packed size of a file of more than 1 MB")
    encrypted_archives: Literal["refuse", "allow"] = Field(
        "refuse", description="archives with a password, into which nobody sees"
    )
    macros: Literal["refuse", "allow"] = Field("refuse", description="documents (docx, xlsx…) that carry macros")
    simultaneous_archives: int = Field(2, ge=1, description="archives that one process looks into at a time")
    x_mss_submitted: Literal["correct", "refuse", "keep"] = Field(
        "correct",
        description="X-MSS fields of our professionals that the content contradicts: corrected, refused, kept",
    )
    x_mss_received: Literal["strip", "refuse", "keep"] = Field(
        "strip", description="X-MSS fields of other operators that the content contradicts: removed, refused, kept"
    )


class RateSettings(BaseModel):
    """What one account may submit; past it, its program keeps the message and tries again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages_per_hour: int = Field(100_000, ge=0, description="messages of one account in an hour; 0: no limit")
    recipients_per_day: int = Field(1_000_000, ge=0, description="recipients of one account in a day; 0: no limit")
    bytes_per_day: int = Field(0, ge=0, description="bytes submitted by one account in a day; 0: no limit")


class AntivirusSettings(BaseModel):
    """clamd, by its INSTREAM command."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    socket: str | None = Field(
        None, description='where clamd listens: "unix:/run/clamav/clamd.ctl" or "host:port"; none: nothing is scanned'
    )
    scope: Literal["all", "files"] = Field("all", description="which messages are scanned: all, or those with files")
    when_down: Literal["defer", "accept"] = Field(
        "defer", description="when clamd does not answer: the sender tries again later (451), or accept unscanned"
    )
    timeout_s: float = Field(60, gt=0, description="longest wait for a verdict, seconds")
    simultaneous: int = Field(8, ge=1, description="scans of one process at a time; clamd has as many threads to give")


class RelaySettings(BaseModel):
    """The queue towards other operators."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    routes: dict[str, str] = Field(
        default_factory=dict, description='"domain" = "host:port": static next hop, looked at before DNS'
    )
    port: int = Field(25, ge=1, le=65_535, description="port of the hosts that MX records name")
    dns_servers: tuple[str, ...] = Field(
        (), description='"address" or "address:port" of servers asked for MX records; none: the system\'s'
    )
    dns_timeout_s: float = Field(10, gt=0, description="longest wait for MX records, seconds")
    connect_timeout_s: float = Field(30, gt=0, description="longest wait for a connection, seconds")
    command_timeout_s: float = Field(300, gt=0, description="longest wait for a reply, seconds (RFC 5321 §4.5.3.2)")
    attempt_timeout_s: float = Field(800, gt=0, description="longest transfer of one message, seconds")
    lease_s: float = Field(900, gt=0, description="time after which what a dead worker held is taken over, seconds")
    connections_per_destination: int = Field(4, ge=1, description="connections of all workers together to one domain")
    connection_lease_s: float = Field(
        30, gt=0, description="time after which the connections that a dead worker held may be made anew, seconds"
    )
    batch: int = Field(200, ge=1, description="recipients that a worker takes at once")
    retry_first_s: float = Field(60, gt=0, description="pause after the first failed attempt, seconds; then doubled")
    retry_longest_s: float = Field(3_600, gt=0, description="longest pause between attempts, seconds")
    retry_jitter: float = Field(0.2, ge=0, le=0.9, description="share by which a pause varies at random")
    delay_notice_s: float = Field(14_400, gt=0, description="wait after which the sender is told, seconds (4 h)")
    lifetime_s: float = Field(432_000, gt=0, description="time after which a recipient is given up, seconds (5 days)")
    keep_s: float = Field(2_592_000, gt=0, description="time after which what ended is forgotten, seconds (30 days)")
    follow_s: float = Field(
        31_536_000, gt=0, description="time for which the state of each recipient is kept, seconds (1 year)"
    )
    poll_s: float = Field(5, gt=0, description="longest pause between two looks at the queue, seconds")


class NoticeSettings(BaseModel):
    """Notices to the ordinary e-mail of patients."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    smarthost: str | None = Field(None, description='"host:port" of the server that takes notices; none: none is sent')
    tls: Literal["starttls", "implicit", "none"] = Field("starttls", description="how the smarthost speaks TLS")
    authority: Path | None = Field(None, description="PEM authorities of the smarthost; none: the system's")
    login: str | None = Field(None, description="account at the smarthost; none: no AUTH")
    password: SecretStr | None = Field(None, description="its password, best from the environment")
    sender: str = Field("ne-pas-repondre@localhost", description="address that notices come from")
    dkim: bool = Field(
        False, description="sign notices with the keys of `[dkim]`; publish their records in the sender's domain"
    )
    portal_url: str = Field("https://localhost", description="address of the patient space, named in notices")
    timeout_s: float = Field(30, gt=0, description="longest wait for the smarthost, seconds")
    fallback_smarthost: str | None = Field(
        None, description='"host:port" asked too, with the same TLS and account, when the first stays away'
    )
    fallback_after_s: float = Field(3_600, ge=0, description="wait after which that one is asked, seconds (1 h)")
    daily_at: time = Field(time(18, 0), description="hour at which those are told who want one notice a day")
    time_zone: str = Field("Europe/Paris", description="zone of that hour")
    reminder_after_s: int = Field(
        86_400, ge=0, description="a message unread for so long is told of once more, seconds (24 h); 0: never"
    )


class SetupSettings(BaseModel):
    """What mail programs and the DNS are told of this instance (autoconfig, autodiscover, Apple, `doctor --dns`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str | None = Field(None, description="name under which mail programs reach it; none: `[smtp] hostname`")
    portal_host: str | None = Field(None, description="name under which browsers reach the portal; none: the same")
    mx_hosts: tuple[str, ...] = Field((), description="names of the MX, preferred first; none: the same")
    display_name: str = Field("Messagerie sécurisée de santé", description="what mail programs call the account")
    dmarc_policy: Literal["none", "quarantine", "reject"] = Field(
        "reject", description="what others do with mail in our name that is not ours (RFC 7489 §6.3)"
    )
    spf_also: tuple[str, ...] = Field(
        (), description='what may send besides the MX, as SPF writes it: "ip4:192.0.2.7", "include:example.fr"'
    )
    reports_to: str | None = Field(None, description="address that DMARC and TLS reports are sent to; none: no report")
    mta_sts_mode: Literal["none", "testing", "enforce"] = Field(
        "enforce", description="what a sender does when our TLS is wrong (RFC 8461 §3.2)"
    )
    mta_sts_max_age_s: int = Field(
        604_800, ge=86_400, le=31_557_600, description="how long a sender keeps that policy, seconds (7 days)"
    )
