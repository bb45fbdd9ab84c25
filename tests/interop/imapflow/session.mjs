// One day of a program made with ImapFlow: prints what it found as one JSON document.
// Arguments: port, address, file of the authority; the password is in PASSWORD, the message to file on standard input.
import { readFileSync } from "node:fs";
import { ImapFlow } from "imapflow";

const [port, address, authority] = process.argv.slice(2);
const message = readFileSync(0);
const client = new ImapFlow({
  host: "localhost",
  port: Number(port),
  secure: true,
  auth: { user: address, pass: process.env.PASSWORD },
  tls: { ca: readFileSync(authority) },
  logger: false,
});
const found = {};

await client.connect();
found.capabilities = [...client.capabilities.keys()];
found.signedInBy = [...client.authCapabilities].filter((each) => each[1]).map((each) => each[0]);
found.enabled = [...client.enabled];
found.special = Object.fromEntries((await client.list()).map((each) => [each.path, each.specialUse ?? ""]));
found.alias = (await client.status("Sent Items", { messages: true })).messages;
found.created = (await client.mailboxCreate(["Patients", "Été"])).created;
found.renamed = (await client.mailboxRename(["Patients", "Été"], ["Patients", "Hiver"])).newPath;

await client.append("Drafts", message, ["\\Draft", "\\Seen"]);
const lock = await client.getMailboxLock("INBOX");
try {
  found.exists = client.mailbox.exists;
  found.envelopes = [];
  for await (const each of client.fetch("1:*", { uid: true, envelope: true, bodyStructure: true, flags: true })) {
    found.envelopes.push([each.uid, each.envelope.subject, each.bodyStructure.type]);
  }
  const [first, second, third] = found.envelopes.map((each) => each[0]);
  const download = await client.download(String(first), undefined, { uid: true });
  const pieces = [];
  for await (const piece of download.content) pieces.push(piece);
  found.source = Buffer.concat(pieces).toString("base64");
  found.searched = await client.search({ subject: "résultat", body: "bientôt" }, { uid: true });
  const before = client.mailbox.highestModseq;
  await client.messageFlagsAdd(String(first), ["\\Flagged", "$Relu"], { uid: true });
  found.changed = await client.search({ modseq: before + 1n }, { uid: true });
  await client.messageMove(String(second), "Trash", { uid: true });
  await client.messageCopy(String(first), "Archives", { uid: true });
  await client.messageDelete(String(third), { uid: true });

  const told = new Promise((resolve) => client.once("exists", resolve));
  const idling = client.idle();
  console.error("idle");
  found.told = (await told).count;
  await client.noop();
  await idling;
} finally {
  lock.release();
}
found.quota = await client.getQuota("INBOX");
await client.mailboxDelete(["Patients", "Hiver"]);
await client.logout();
console.log(JSON.stringify(found));
