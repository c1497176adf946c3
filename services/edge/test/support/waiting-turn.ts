import { jetstreamManager } from "@nats-io/jetstream";
import type { Bus } from "@parley/bus";
import {
  askedEventOf,
  callIdOf,
  encodeJson,
  streams,
  subjects,
  type CallId,
  type Fact,
  type FactOf,
  type StoredEvent,
} from "@parley/protocol";
import type { World } from "./edge-fixture.ts";
import type { TestClient } from "./test-client.ts";

export const tool = { tool_name: "scale", arguments: { replicas: 3 } };

/** A turn that has begun, and asks a person. */
export interface WaitingTurn {
  readonly conversation_id: string;
  readonly turn_id: string;
  readonly call_id: CallId;
  /** What its first words are. */
  readonly text: string;
  /** The event of its chain that comes next. */
  chain(event: object): Promise<number>;
  /** Any other event of the turn. */
  event(channel: string, event: StoredEvent): Promise<number>;
  fact(fact: Fact): Promise<unknown>;
  /** Another worker goes on with it. */
  claimedAgain(): void;
}

export interface Asking {
  readonly ttlMs?: number;
  readonly confirm?: string;
  readonly four_eyes?: true;
  /** For so long one may agree to calls like it. */
  readonly like_ms?: number;
  /** Undefined: the turn's first words. */
  readonly text?: string;
  /** What else happens before it waits. */
  readonly beside?: (turn: WaitingTurn) => Promise<void>;
}

const hash = "5b1d3c6a0e7f4b92a1c8d5e6f7081923a4b5c6d7e8f90123456789abcdef0123";

/** Writes a fact of which the last one counts, or one that is the first. */
function writeFact(bus: Bus, fact: Fact): Promise<unknown> {
  const { kind, conversation_id, turn_id } = fact;
  const about = "call_id" in fact ? { kind, call: fact.call_id } : { kind };
  const subject = subjects.fact(bus.events.shardOf(conversation_id), conversation_id, turn_id, about);
  return bus.events.append({ subject, data: encodeJson(fact) });
}

/** A message whose answer asks for a person's word: what the agent worker and the tool worker write, up to the turn's wait. */
export async function askFor(
  { bus, worker }: World,
  client: TestClient,
  { ttlMs = 900_000, confirm, four_eyes, like_ms, text = "I shall scale it.", beside }: Asking = {},
): Promise<WaitingTurn> {
  client.send({ type: "message", id: `m${Math.random()}`, message: "scale it" });
  const { conversation_id, turn_id } = await client.next("accepted");
  const turn = worker.take(conversation_id, turn_id);
  const call_id = callIdOf(turn_id, 0, 0);
  const common = { conversation_id, turn_id, ts: Date.now() };
  let [attempt, n] = [1, 0];
  const chain = (event: object): Promise<number> =>
    turn.append({ ...common, attempt, n: n++, ...event } as unknown as StoredEvent);
  const asking = { ...tool, summary: "Scales it to 3.", ...(confirm === undefined ? {} : { confirm }) };
  const asked: FactOf<"asked"> = {
    ...{ kind: "asked", v: 1, ...common, call_id, tool_name: tool.tool_name, summary: asking.summary, hash },
    ...(confirm === undefined ? {} : { confirm }),
    ...(four_eyes === undefined ? {} : { four_eyes }),
    ...(like_ms === undefined ? {} : { like_ms, like_scope: "a".repeat(64) }),
    ...{ preview: { kind: "diff", text: "- 1\n+ 3" }, expires_at: common.ts + ttlMs },
  };
  await chain({ type: "claimed", worker: "w1" });
  await chain({ type: "thinking", message: "…" });
  await chain({ type: "token", token: text });
  await chain({ type: "tool_call_start", call_id, ...tool });
  await writeFact(bus, asked);
  await turn.append(askedEventOf(asked, tool.arguments), `asked.${call_id}`);
  const whole: WaitingTurn = {
    conversation_id,
    turn_id,
    call_id,
    text,
    chain,
    event: (channel, event) => turn.append(event, channel),
    fact: (fact) => writeFact(bus, fact),
    claimedAgain: () => ([attempt, n] = [attempt + 1, 0]),
  };
  await beside?.(whole);
  const usage = { input_tokens: 1, output_tokens: 1 };
  const counts = { attempt: 1, released: 0, until: asked.expires_at, usage, worked_ms: 5 };
  const steps = [{ step: 0, text, calls: [{ call_id, ...tool }] }];
  const parts = [{ chars: text.length }, { call_id }];
  await writeFact(bus, { kind: "wait", v: 1, ...common, ...counts, calls: [call_id], steps, parts });
  await chain({ type: "waiting", for: "approval", until: asked.expires_at });
  return whole;
}

/** All events of this moment are older than events are kept. */
export async function forgetEvents({ bus }: World): Promise<void> {
  const jsm = await jetstreamManager(bus.nc);
  await jsm.streams.purge(streams.events(0));
}
