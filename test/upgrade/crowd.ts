import { randomUUID } from "node:crypto";
import { eventually, shownTurn } from "@parley/testkit";
import { createClient, type Client } from "@parley/client";
import { strict } from "@parley/client/strict";
import { isTerminal, messages, textOf } from "@parley/protocol";
import { withDeadline } from "@parley/runtime";
import { WebSocket } from "ws";
import { z } from "zod";
import type { Decider } from "./deciders.ts";

type Conversation = ReturnType<Client["conversation"]>;

const DevToken = z.object({ token: z.string() });
const turnWithinMs = 60_000;

/** What the people of a crowd ask in turn: long answers that are under way when a process stops, short ones, and tool calls. */
const questions = ["hello\n/sim tokens=120 rate=40", "list all pods", "hello\n/sim tokens=20 rate=100"];

export interface CrowdResult {
  readonly turns: number;
  /** Connections that were lost and came back. */
  readonly reconnects: number;
  /** What was promised and is not so; empty: all is well. */
  readonly faults: readonly string[];
}

/** People who each ask one question after the other, through whatever edge there is, until they are told to stop. */
export interface Crowd {
  /** Turns that have ended so far. */
  ended(): number;
  /** So many more, who ask for nothing by themselves. */
  deciders(people: number): Promise<readonly Decider[]>;
  /** Reads every transcript from its beginning, page by page, while people go on; what is not as it was told is a fault. */
  readAll(): Promise<void>;
  /** Waits for the answers under way, reads every transcript again, and says what was wrong. */
  finish(): Promise<CrowdResult>;
}

interface Person {
  readonly client: Client;
  readonly chat: Conversation;
  /** The answer of each turn, in the order of asking. */
  readonly answers: Map<string, string>;
}

async function tokenOf(port: number, sub: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/auth/dev-token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sub, name: sub }),
  });
  return DevToken.parse(await response.json()).token;
}

async function connect(port: number, name: string): Promise<Client> {
  const client = createClient({
    ...strict,
    url: `ws://127.0.0.1:${port}/ws/chat`,
    token: await tokenOf(port, name),
    WebSocket,
    backoff: { minMs: 50, maxMs: 500 },
  });
  await client.connect();
  return client;
}

export async function startCrowd(port: number, people: number): Promise<Crowd> {
  const faults: string[] = [];
  const stopping = new AbortController();
  const counts = { ended: 0, reconnects: 0 };
  const persons = await Promise.all(
    Array.from({ length: people }, (_, i) => join(port, `person-${i}`, { faults, counts })),
  );
  const running = persons.map((person, i) => askOn(person, i, { faults, counts, signal: stopping.signal }));
  const readAll = async (): Promise<void> => {
    await Promise.all(persons.map((person, i) => checkWhole(port, `person-${i}`, person, faults)));
  };
  const clients = persons.map(({ client }) => client);
  const decider = async (name: string): Promise<Decider> => {
    const [one, other] = [await connect(port, name), await connect(port, name)];
    clients.push(one, other);
    const id = randomUUID();
    return { asks: one.conversation(id), decides: other.conversation(id) };
  };
  return {
    ended: () => counts.ended,
    deciders: (count) => Promise.all(Array.from({ length: count }, (_, i) => decider(`decider-${i}`))),
    readAll,
    async finish() {
      stopping.abort();
      await Promise.all(running);
      await readAll();
      await Promise.all(persons.map((person, i) => checkTranscript(port, `person-${i}`, person, faults)));
      for (const client of clients) client.close();
      return { turns: counts.ended, reconnects: counts.reconnects, faults };
    },
  };
}

interface Notes {
  readonly faults: string[];
  readonly counts: { ended: number; reconnects: number };
}

async function join(port: number, name: string, { faults, counts }: Notes): Promise<Person> {
  const client = await connect(port, name);
  const chat = client.conversation();
  const ends = new Set<string>();
  chat.on("violation", ({ kind, detail }) => faults.push(`${name}: ${kind}: ${detail}`));
  chat.on("frame", (frame) => {
    if (!isTerminal(frame.type) || !("turn_id" in frame) || frame.turn_id === undefined) return;
    if (ends.has(frame.turn_id)) faults.push(`${name}: ${frame.turn_id} ended twice`);
    ends.add(frame.turn_id);
  });
  client.on("state", ({ name: state }) => {
    if (state === "waiting") counts.reconnects++;
  });
  return { client, chat, answers: new Map() };
}

async function askOn({ chat, answers }: Person, index: number, notes: Notes & { signal: AbortSignal }): Promise<void> {
  const { faults, counts, signal } = notes;
  for (let i = index; !signal.aborted; i++) {
    try {
      const { turn_id } = await chat.send(questions[i % questions.length] ?? "hello");
      const end = await withDeadline(chat.untilEnd(turn_id), turnWithinMs, `the end of turn ${turn_id}`);
      counts.ended++;
      answers.set(turn_id, end.response);
      if (end.type !== "complete") faults.push(`${turn_id} ended with ${end.type}`);
      if (shownTurn(chat.view, turn_id)?.text !== end.response) faults.push(`${turn_id}: the text is not the answer`);
    } catch (error) {
      faults.push(`person-${index}: ${String(error)}`);
      return;
    }
  }
}

const MessagePage = z.object({
  messages: z.array(z.object({ turn_id: z.string(), author: z.object({ role: z.string() }), message: z.string() })),
  before: z.string().optional(),
});
type Messages = z.infer<typeof MessagePage>["messages"];
const pageMessages = 7;

async function readTranscript(port: number, name: string, conversation: string): Promise<Messages> {
  const headers = { authorization: `Bearer ${await tokenOf(port, name)}` };
  const messages: Messages = [];
  let before: string | undefined;
  do {
    const query = `limit=${pageMessages}${before === undefined ? "" : `&before=${before}`}`;
    const url = `http://127.0.0.1:${port}/api/v1/conversations/${conversation}/messages?${query}`;
    const response = await fetch(url, { headers });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    const page = MessagePage.parse(await response.json());
    messages.unshift(...page.messages);
    before = page.before;
  } while (before !== undefined);
  return messages;
}

/** All that had ended before it is read is there, each question before its answer, in the order of asking, and once. */
async function checkWhole(port: number, name: string, { chat, answers }: Person, faults: string[]): Promise<void> {
  const told = [...answers];
  if (told.length === 0) return;
  const stored = (await readTranscript(port, name, chat.id)).slice(0, 2 * told.length);
  const roles = stored.map(({ author }) => author.role).join();
  if (roles !== told.map(() => "user,assistant").join()) faults.push(`${name}: messages are missing, or there twice`);
  const kept = stored.filter(({ author }) => author.role === "assistant");
  const isSame = told.every(([turn, text], i) => kept[i]?.turn_id === turn && kept[i].message === text);
  if (!isSame) faults.push(`${name}: the whole transcript is another`);
}

/** A new device sees the same answers, in the same order. */
async function checkTranscript(port: number, name: string, person: Person, faults: string[]): Promise<void> {
  using client = await connect(port, name);
  const chat = client.conversation(person.chat.id);
  await chat.subscribe();
  const shown = () => messages(chat.view).filter(({ author, outcome }) => author.role === "assistant" && outcome);
  const last = [...person.answers.keys()].at(-1);
  // The snapshot, which holds the newest messages, follows the answer, and what ended a moment ago may follow that.
  await eventually(() => last === undefined || shown().at(-1)?.turn_id === last, {
    what: `the last answer of ${name}`,
    timeoutMs: turnWithinMs,
  }).catch((error: unknown) => faults.push(String(error)));
  const stored = shown();
  const asked = [...person.answers].slice(-stored.length);
  const isSame = stored.every((message, i) => asked[i]?.[0] === message.turn_id && asked[i]?.[1] === textOf(message));
  if (!isSame || (stored.length === 0 && person.answers.size > 0)) faults.push(`${name}: the transcript is another`);
}
