import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { createClient } from "@parley/client";
import { strict } from "@parley/client/strict";
import { eventually, type Service, type System } from "@parley/testkit";
import { WebSocket } from "ws";
import { z } from "zod";
import { createToken } from "../chaos/clients/token.ts";

/** Every way in by which people, agents and tools bring words. */
const ways = [
  ...["message", "customer", "argument", "title", "post", "edit", "memory", "document", "documentname"],
  ...["file", "filename", "reason", "comment", "roomname", "reader"],
] as const;
export type Way = (typeof ways)[number];
export type Secrets = Readonly<Record<Way, string>>;

/** Each found nowhere else. No hyphens: the index of a search may part words there. */
export function newSecrets(): Secrets {
  const made = ways.map((way): [Way, string] => [way, `zq${way}x${randomBytes(8).toString("hex")}`]);
  return z.record(z.enum(ways), z.string()).parse(Object.fromEntries(made));
}

type Answer = z.infer<typeof Answer>;
const Answer = z.looseObject({});
const Accepted = z.looseObject({ turn_id: z.string() });

function asking(edge: Service, token: string) {
  return async (method: string, where: string, body?: object | Uint8Array<ArrayBuffer>): Promise<Answer> => {
    const isBytes = body instanceof Uint8Array;
    const response = await fetch(`http://127.0.0.1:${edge.port}/api/v1/${where}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": isBytes ? "text/plain" : "application/json" },
      ...(body === undefined ? {} : { body: isBytes ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${where}: ${response.status} ${text}`);
    return Answer.parse(text === "" ? {} : JSON.parse(text));
  };
}

/** Says all of them, by every way. */
export async function plant(system: System, secrets: Secrets): Promise<void> {
  const [edge] = system.edges;
  if (edge === undefined) throw new Error("an edge");
  const tokenOf = (user: string, name = user): string =>
    createToken(system.jwtSecret, user, undefined, { roles: ["librarian"], tenant: "acme", name });
  const ask = asking(edge, tokenOf("anna"));
  const url = `ws://127.0.0.1:${edge.port}/ws/chat`;
  using anna = createClient({ ...strict, url, token: tokenOf("anna"), WebSocket });
  await anna.connect();
  const chat = anna.conversation();
  const said = await chat.send(`call the tool demo_echo with {"text":"${secrets.argument}"} ${secrets.message}`);
  await chat.untilEnd(said.turn_id);
  const one = `conversations/${chat.id}`;
  await ask("PUT", `${one}/title`, { title: `about ${secrets.title}` });
  await ask("PUT", `${one}/messages/${said.turn_id}-a/feedback`, { rating: "down", comment: secrets.comment });
  await ask("POST", "memory", { text: secrets.memory });
  await ask("POST", "documents/ingest-text", {
    text: secrets.document.repeat(2),
    source: `${secrets.documentname}.md`,
  });
  await ask("POST", `files?name=${secrets.filename}.txt`, new Uint8Array(Buffer.from(`${secrets.file}\n`.repeat(50))));

  // A person says no to a change, with a reason.
  const changing = anna.conversation();
  const { turn_id } = await changing.send("change the counter to 42");
  const call = `${turn_id}-0-0`;
  const no = { approved: false, reason: secrets.reason };
  const deny = (): Promise<unknown> => ask("POST", `conversations/${changing.id}/approvals/${call}`, no);
  // Until it is asked there is nothing to be denied.
  await eventually(() => deny().then(() => true), { what: "the denial", timeoutMs: 30_000 });
  await changing.untilEnd(turn_id);

  // A room, in which people talk to each other.
  await ask("POST", `${one}/members`, { user_id: "bob", role: "writer", name: secrets.roomname });
  await ask("PATCH", `${one}/room`, { answers: "mention" });
  const posted = Accepted.parse(await ask("POST", "chat", { message: secrets.post, conversation_id: chat.id }));
  await ask("PATCH", `${one}/messages/${posted.turn_id}-u`, { message: `better ${secrets.edit}` });
  // A mark of how far somebody has read names them.
  const bob = asking(edge, tokenOf("bob", secrets.reader));
  await bob("POST", `${one}/read`, { message_id: `${posted.turn_id}-u` });
  await sayNothingKnown(url, tokenOf("anna"), secrets.message);
  // This is nowhere but in the queue, while the turn runs.
  const about = { customer_id: secrets.customer };
  const conversation_id = `${chat.id}x`;
  const slow = { message: 'call the tool demo_sleep with {"ms":60000}', conversation_id, id: "slow", ...about };
  // Answered when the turn ends, which nobody waits for.
  void ask("POST", "chat", slow).catch(() => {});
}

/** A frame of a kind that nobody knows. */
async function sayNothingKnown(url: string, token: string, kind: string): Promise<void> {
  const socket = new WebSocket(url, ["parley.v1"]);
  await once(socket, "open");
  socket.send(JSON.stringify({ type: "auth", token }));
  const refused = new Promise<void>((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string" && data.includes("INVALID_FRAME")) resolve();
    });
  });
  socket.send(JSON.stringify({ type: kind }));
  await refused;
  socket.close();
}

/** Which of them the files below a folder have, as text, as base64 and in two bytes a letter. */
export async function foundIn(folder: string, secrets: Secrets): Promise<Way[]> {
  const left = new Map(Object.entries(secrets).map(([way, text]) => [way, formsOf(text)]));
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    // A broker may let go of a file while it is looked at.
    const bytes = await readFile(path.join(entry.parentPath, entry.name)).catch(() => Buffer.alloc(0));
    for (const [way, forms] of left) {
      if (!forms.some((form) => bytes.includes(form))) continue;
      found.push(way);
      left.delete(way);
    }
  }
  return z.array(z.enum(ways)).parse(found.toSorted());
}

function formsOf(text: string): Buffer[] {
  // Wherever the text begins among three bytes.
  const base64 = [0, 1, 2].map((before) =>
    Buffer.from(" ".repeat(before) + text)
      .toString("base64")
      .slice(4, -4),
  );
  return [Buffer.from(text), Buffer.from(text, "utf16le"), ...base64.map((form) => Buffer.from(form))];
}

export const allWays: readonly Way[] = [...ways].toSorted();
