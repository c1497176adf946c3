import { shownTurn } from "@parley/testkit";
import { createClient, type Client } from "@parley/client";
import { isTerminal } from "@parley/protocol";
import { withDeadline } from "@parley/runtime";
import { WebSocket } from "ws";
import { z } from "zod";

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
  return {
    ended: () => counts.ended,
    async finish() {
      stopping.abort();
      await Promise.all(running);
      await Promise.all(persons.map((person, i) => checkTranscript(port, `person-${i}`, person, faults)));
      for (const { client } of persons) client.close();
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

/** A new device sees the same answers, in the same order. */
async function checkTranscript(port: number, name: string, person: Person, faults: string[]): Promise<void> {
  using client = await connect(port, name);
  const chat = client.conversation(person.chat.id);
  await chat.subscribe();
  // The snapshot holds the newest messages.
  const stored = chat.view.transcript.filter(({ author }) => author.role === "assistant");
  const asked = [...person.answers].slice(-stored.length);
  const isSame = stored.every(({ turn_id, message }, i) => asked[i]?.[0] === turn_id && asked[i]?.[1] === message);
  if (!isSame || (stored.length === 0 && person.answers.size > 0)) faults.push(`${name}: the transcript is another`);
}
