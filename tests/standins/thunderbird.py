"""A Thunderbird of its own profile on a display of its own, which a test drives through the program's remote control.

The profile holds one account; the instance's authority is among those it trusts, the password among its logins.
"""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.standins.mail_office import HOST, MailOffice, until
from tests.standins.marionette import Marionette, control
from tests.standins.ports import free_port, wait_for_port
from vaguemestre.app.demo.people import MARTIN

START_S = 180
REMEMBER_PASSWORD = """
for (const [scheme, host] of [["imap", arguments[0]], ["smtp", arguments[0]]]) {
  const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  login.init(`${scheme}://${host}`, null, `${scheme}://${host}`, arguments[1], arguments[2], "", "");
  await Services.logins.addLoginAsync(login);
}
"""
WORDS = """
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const server = MailServices.accounts.getAccount("account1").incomingServer;
const root = server.rootFolder;
const folders = () => root.descendants.map((each) => each.QueryInterface(Ci.nsIMsgImapMailFolder));
const find = (name) => folders().find((each) => each.onlineName === name);
const headers = (folder) => { const db = folder.msgDatabase; return db ? [...db.enumerateMessages()] : []; };
const header = (folder, id) => headers(folder).find((each) => each.messageId === id);
const show = (folder) => {
  const pane = Services.wm.getMostRecentWindow("mail:3pane").document.getElementById("tabmail").currentAbout3Pane;
  pane.displayFolder(folder.URI);
  return pane;
};
const listened = (begin) => new Promise((done, failed) => begin({
  QueryInterface: ChromeUtils.generateQI(["nsIUrlListener", "nsIMsgCopyServiceListener"]),
  OnStartRunningUrl() {}, OnStopRunningUrl(url, status) { status ? failed(new Error(`url: ${status}`)) : done(); },
  onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return null; },
  onStopCopy(status) { status ? failed(new Error(`copy: ${status}`)) : done(); },
}));
"""
"""What every script may call the account and its folders."""

WINDOW = """
const window = Services.wm.getMostRecentWindow("msgcompose");
const button = window && window.document.getElementById("button-send");
const written = () => window.document.querySelector("mail-address-pill");
"""
COMPOSE = """
const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
[fields.from, fields.to, fields.subject, fields.body] = [...arguments, "Bonjour, à bientôt."];
const opening = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
opening.composeFields = fields;
opening.format = Ci.nsIMsgCompFormat.PlainText;
opening.type = Ci.nsIMsgCompType.New;
opening.identity = MailServices.accounts.getAccount("account1").defaultIdentity;
MailServices.compose.OpenComposeWindowWithParams(null, opening);
"""


QUIET: dict[str, str | int | bool] = {
    "app.update.enabled": False,
    "app.donation.eoy.version.viewed": 999,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mail.shell.checkDefaultClient": False,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "mail.rights.version": 1,
    "network.manage-offline-status": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
}
"""What a first start would show, and what it would ask of the network."""


@dataclass(frozen=True, slots=True)
class Thunderbird:
    """The running program."""

    remote: Marionette
    display: str

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script that knows WORDS."""
        return self.remote.run(WORDS + script, *arguments)

    def folders(self) -> dict[str, int]:
        """Return the messages that it has of each folder of the account, by the folder's name on the server."""
        pairs = "folders().map((each) => [each.onlineName, each.getTotalMessages(false)])"
        found: dict[str, int] = self.run(f"return Object.fromEntries({pairs});")
        return found

    def open(self, folder: str) -> None:
        """Open a folder and wait until its messages are known."""
        self.run("await listened((end) => find(arguments[0]).updateFolderWithListener(null, end));", folder)

    def subjects(self, folder: str) -> list[str]:
        """Return the subjects of the messages that it shows in a folder, sorted."""
        script = "return headers(find(arguments[0])).map((each) => each.mime2DecodedSubject);"
        return sorted(self.run(script, folder))

    def compose(self, recipient: str, subject: str) -> None:
        """Open the window of a new message, filled in, and wait until it may be sent."""
        self.run(COMPOSE, MARTIN.address, recipient, subject)
        until(lambda: self.run(f"{WINDOW} return Boolean(window && written() && !button.disabled);"))

    def press_in_message(self, command: str) -> None:
        """Give the window of the new message one of its commands, as a button or a key does."""
        self.run(f"{WINDOW} window.goDoCommand(arguments[0]);", command)

    def photograph(self, file: Path) -> None:
        """Keep what is on the display."""
        subprocess.run(["import", "-display", self.display, "-window", "root", str(file)], check=True, timeout=60)


def preferences(office: MailOffice, remote_port: int) -> dict[str, str | int | bool]:
    """Return what makes one account of Dr Martin's, with implicit TLS both ways."""
    server, smtp = "mail.server.server1.", "mail.smtpserver.smtp1."
    return {
        "mail.accountmanager.accounts": "account1",
        "mail.accountmanager.defaultaccount": "account1",
        "mail.account.account1.server": "server1",
        "mail.account.account1.identities": "id1",
        "mail.identity.id1.fullName": MARTIN.name,
        "mail.identity.id1.useremail": MARTIN.address,
        "mail.identity.id1.smtpServer": "smtp1",
        "mail.identity.id1.valid": True,
        f"{server}type": "imap",
        f"{server}hostname": HOST,
        f"{server}port": office.ports["imaps"],
        f"{server}socketType": 3,
        f"{server}authMethod": 3,
        f"{server}userName": MARTIN.address,
        f"{server}name": MARTIN.address,
        f"{server}login_at_startup": False,
        f"{server}check_new_mail": False,
        f"{server}autosync_offline_stores": False,  # it would take the connection that waits in IDLE for other folders
        f"{server}directory-rel": "[ProfD]ImapMail/localhost",
        "mail.smtpservers": "smtp1",
        "mail.smtp.defaultserver": "smtp1",
        f"{smtp}hostname": HOST,
        f"{smtp}port": office.ports["submissions"],
        f"{smtp}try_ssl": 3,
        f"{smtp}authMethod": 3,
        f"{smtp}username": MARTIN.address,
        "marionette.port": remote_port,
        **QUIET,
    }


def write_profile(profile: Path, office: MailOffice, remote_port: int) -> None:
    """Write the settings, and an authority to trust."""
    lines = [
        f"user_pref({json.dumps(key)}, {json.dumps(value)});" for key, value in preferences(office, remote_port).items()
    ]
    (profile / "user.js").write_text("\n".join(lines))
    store = f"sql:{profile}"
    subprocess.run(["certutil", "-N", "-d", store, "--empty-password"], check=True, timeout=60)
    for number, certificate in enumerate(office.authority.read_text().split("-----END CERTIFICATE-----")[:-1]):
        file = profile / f"authority-{number}.pem"
        file.write_text(f"{certificate.strip()}\n-----END CERTIFICATE-----\n")
        trusting = ["certutil", "-A", "-d", store, "-n", f"TEST {number}", "-t", "C,,", "-i", str(file)]
        subprocess.run(trusting, check=True, timeout=60)


@contextlib.contextmanager
def open_display() -> Iterator[str]:
    """Yield the name of a display that nobody looks at."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        with os.fdopen(reader) as said:
            number = said.readline().strip()
        yield f":{number}"
        server.terminate()


@contextlib.contextmanager
def start_thunderbird(folder: Path, office: MailOffice) -> Iterator[Thunderbird]:
    """Run it until the block ends; nothing was fetched yet."""
    profile = folder / "profile"
    profile.mkdir()
    port = free_port()
    write_profile(profile, office, port)
    command = ["thunderbird", "--profile", str(profile), "--no-remote", "--marionette", "--remote-allow-system-access"]
    with open_display() as display:
        words = {**os.environ, "DISPLAY": display, "HOME": str(folder), "MOZ_MARIONETTE": "1"}
        with (
            (folder / "thunderbird.log").open("w") as log,
            subprocess.Popen(command, env=words, stdout=log, stderr=log) as program,
        ):
            try:
                wait_for_port(port, timeout_s=START_S)
                with control(port) as remote:
                    remote.run(REMEMBER_PASSWORD, HOST, MARTIN.address, MARTIN.password)
                    yield Thunderbird(remote, display)
            finally:
                program.terminate()
