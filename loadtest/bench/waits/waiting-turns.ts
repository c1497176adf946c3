import { randomBytes } from "node:crypto";
import { jetstream } from "@nats-io/jetstream";
import { openBus, type Bus } from "@parley/bus";
import {
  callIdOf,
  encodeEvent,
  encodeJson,
  messageEventOf,
  messageIdOf,
  streams,
  subjects,
  turnsConsumer,
  type CallId,
  type Fact,
  type StoredEvent,
  type TurnRequest,
} from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { benchUser } from "../sockets/access-token.ts";

/** A turn that waits for a person, of a conversation of its own. */
export interface WaitingTurn {
  readonly conversation: string;
  readonly turn: string;
  readonly call: CallId;
}

const atOnce = 500;
const ttlMs = 12 * 3_600_000;
const tool = { tool_name: "demo_change", arguments: { text: "bench" } };

export function openBenchBus(servers: string): Promise<Bus> {
  return openBus({ servers, name: "bench", log: createLogger({ service: "bench", level: "silent", format: "json" }) });
}

/**
 * What a worker leaves when it lets turns wait, written straight away: request, facts, events, and the delivery put back until the wait is over.
 * No worker may run meanwhile: this is the one who gets the deliveries.
 */
export async function makeWaitingTurns(bus: Bus, count: number): Promise<WaitingTurn[]> {
  const made: WaitingTurn[] = [];
  while (made.length < count) {
    const requests = Array.from({ length: Math.min(atOnce, count - made.length) }, requestOf);
    await Promise.all(requests.map((request) => bus.turns.submit(request, { onlyIfIdle: false })));
    const replies = await putBack(bus, requests.length);
    await Promise.all(requests.map((request) => write(bus, request, replies)));
    made.push(...requests.map(({ conversation_id, turn_id }) => waitingOf(conversation_id, turn_id)));
  }
  return made;
}

function waitingOf(conversation: string, turn: string): WaitingTurn {
  return { conversation, turn, call: callIdOf(turn, 0, 0) };
}

function requestOf(): TurnRequest {
  const turn_id = randomBytes(16).toString("hex");
  const message_id = messageIdOf(turn_id, "user");
  const place = { turn_id, conversation_id: `c_${turn_id}`, id: turn_id, message_id, accepted_at: Date.now() };
  return { v: 1, ...place, user: { id: benchUser }, message: "Change it." };
}

interface Reply {
  readonly reply: string;
  readonly seq: number;
}

/** By the subject of the turn. */
async function putBack({ nc }: Bus, count: number): Promise<ReadonlyMap<string, Reply>> {
  const consumer = await jetstream(nc).consumers.get(streams.turns, turnsConsumer);
  const replies = new Map<string, Reply>();
  while (replies.size < count) {
    const messages = await consumer.fetch({ max_messages: count - replies.size, expires: 2_000 });
    for await (const message of messages) {
      const { seq, subject } = message;
      message.nak(ttlMs);
      replies.set(subject, { seq, reply: replyOf(message) });
    }
  }
  await nc.flush();
  return replies;
}

function replyOf(message: object): string {
  const reply: unknown = Reflect.get(message, "reply");
  if (typeof reply !== "string") throw new Error("a delivery has no subject to answer to");
  return reply;
}

async function write(bus: Bus, request: TurnRequest, replies: ReadonlyMap<string, Reply>): Promise<void> {
  const { conversation_id, turn_id } = request;
  const { call: call_id } = waitingOf(conversation_id, turn_id);
  const common = { conversation_id, turn_id, ts: Date.now() };
  const usage = { input_tokens: 1, output_tokens: 1 };
  const text = "I shall change it.";
  const asked = { call_id, tool_name: tool.tool_name, summary: "Changes it.", expires_at: common.ts + ttlMs };
  const call = { call_id, ...tool };
  const wait = {
    attempt: 1,
    released: 0,
    until: asked.expires_at,
    calls: [call_id],
    usage,
    worked_ms: 5,
    whole: true as const,
  };
  const order = { steps: [{ step: 0, text, calls: [call] }], parts: [{ chars: text.length }, { call_id }] };
  const noted = replies.get(subjects.turns(conversation_id));
  if (noted === undefined) throw new Error("a turn was not delivered");
  const at = (n: number) => ({ ...common, attempt: 1, n });
  const chain: StoredEvent[] = [
    { type: "claimed", ...at(0), worker: "bench" },
    { type: "thinking", ...at(1), message: "Thinking…" },
    { type: "token", ...at(2), token: text },
    { type: "step", ...at(3), step: 0, tool_calls: [call], usage },
    { type: "tool_call_start", ...at(4), ...call },
    { type: "waiting", ...at(5), for: "approval", until: asked.expires_at },
  ];
  const facts: Fact[] = [
    { kind: "asked", v: 1, ...common, ...asked, hash: "0".repeat(64) },
    { kind: "wait", v: 1, ...common, ...wait, ...order },
    { kind: "ack", v: 1, ...common, ...noted },
  ];
  await bus.owners.claim(conversation_id, benchUser);
  const shard = bus.events.shardOf(conversation_id);
  const append = async (subject: string, data: Uint8Array): Promise<void> => {
    const { kind } = await bus.events.append({ subject, data });
    if (kind !== "stored") throw new Error(`a part of a waiting turn was not stored: ${kind}`);
  };
  await append(subjects.user(shard, conversation_id, turn_id), encodeEvent(messageEventOf(request)));
  for (const event of chain) await append(subjects.agent(shard, conversation_id, turn_id), encodeEvent(event));
  const required: StoredEvent = { type: "approval_required", ...common, ...asked, arguments: tool.arguments };
  await append(subjects.approvalRequired(shard, conversation_id, turn_id, call_id), encodeEvent(required));
  for (const fact of facts) {
    const about = "call_id" in fact ? { kind: fact.kind, call: fact.call_id } : { kind: fact.kind };
    await append(subjects.fact(shard, conversation_id, turn_id, about), encodeJson(fact));
  }
}
