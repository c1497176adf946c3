import { readFile } from "node:fs/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import type { Bus, StoredFact } from "@parley/bus";
import {
  StoredEvent,
  decodeJson,
  messagesOf,
  parseEventSubject,
  parseStored,
  readTurnRecord,
  streams,
  subjects,
  turnOfRecord,
  turnsOf,
  type StoredTurn,
  type TranscriptMessage,
} from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { z } from "zod";
import type { AskedCall, ConversationHistory, ModelRequest, StoredAt } from "./history.ts";
import { plansByTurn } from "./invariants/ends.ts";
import type { World } from "./world/world.ts";

/** Messages of a conversation, far above what any scenario writes. */
const mostRecords = 1_000;

/** The event log and the transcript of a conversation. Tried again while the broker has trouble. */
export function readConversation(
  { bus }: Pick<World, "bus">,
  conversation: string,
): Promise<{ events: StoredAt[]; records: TranscriptMessage[]; transcript: TranscriptMessage[] }> {
  return eventually(
    async () => {
      const messages = await bus.events.read(conversation, { fromSeq: 1 });
      const turns = await readTranscript(bus, conversation);
      const stored = await readRecords(bus, conversation);
      const records = turnsOf(stored).flatMap((turn) =>
        messagesOf(stored.filter((one) => one.turn_id === turn.turn_id)),
      );
      const events = messages.map(({ subject, seq, data }) => {
        const { turn = "", channel = "" } = parseEventSubject(subject) ?? {};
        return { seq, turn, channel, event: decodeJson(StoredEvent, data) };
      });
      return { events, records, transcript: messagesOf(turns) };
    },
    { what: `the log of ${conversation}`, timeoutMs: 30_000, intervalMs: 200 },
  );
}

/** All pages: each is bounded in bytes. */
async function readTranscript({ transcripts }: Bus, conversation: string): Promise<StoredTurn[]> {
  const turns: StoredTurn[] = [];
  for (let before: number | undefined; before !== 0;) {
    const page = await transcripts.tail(conversation, {
      limit: mostRecords,
      ...(before === undefined ? {} : { before }),
    });
    turns.unshift(...page.turns);
    before = page.before;
  }
  return turns;
}

/** What each record of a conversation says, in the order of the log, without the way by which a process finds it. */
async function readRecords({ nc, events, texts }: Bus, conversation: string): Promise<StoredTurn[]> {
  const { streams: log } = await jetstreamManager(nc, { checkAPI: false });
  const shard = events.shardOf(conversation);
  const recorded: StoredTurn[] = [];
  for (let seq = 1; ; seq++) {
    const query = { seq, next_by_subj: subjects.log(shard, conversation) };
    const message = await log.getMessage(streams.log(shard), query);
    if (message === null) return recorded;
    // Sealed with PARLEY_TEST_ENCRYPTION=1.
    const place = { scope: `c:${conversation}`, place: `log.${conversation}` };
    const data = await texts.openBytes(place, message.data);
    const record = data && readTurnRecord(parseStored(data));
    if (record !== undefined) recorded.push(turnOfRecord(record, message.seq));
    seq = message.seq;
  }
}

/** The tool of which people are asked. */
const askingTool = "demo_change";

/** What was asked of people, and what they said: by the facts, for the events may be forgotten. */
export async function readAskedCalls(
  { bus }: Pick<World, "bus">,
  history: Pick<ConversationHistory, "plan" | "answers" | "records">,
): Promise<AskedCall[]> {
  const { plan, records } = history;
  const conversation = plan.id;
  const plans = plansByTurn(history);
  const calls = records.flatMap(({ turn_id, status: outcome, tool_calls = [] }) =>
    tool_calls.flatMap(({ call_id, tool_name, status }) =>
      tool_name === askingTool ? { turn: turn_id, call: call_id, status: status ?? "", outcome } : [],
    ),
  );
  return Promise.all(
    calls.map(async (one) => {
      const address = { conversation, turn: one.turn, call: one.call };
      const [asked, decided] = await Promise.all([
        bus.facts.readStored("asked", address),
        bus.facts.readStored("decided", address),
      ]);
      const question = askedOf(asked);
      const first = plans.get(one.turn)?.decision?.decisions[0];
      const isWanted = first !== undefined && first.delayMs < (question?.ttlMs ?? 0) / 2;
      return { ...one, asked: question, decided: decisionOf(decided), isWanted };
    }),
  );
}

function askedOf(stored: StoredFact<"asked"> | undefined): AskedCall["asked"] {
  if (stored?.fact.kind !== "asked") return undefined;
  return { atMs: stored.storedMs, ttlMs: stored.fact.expires_at - stored.fact.ts };
}

function decisionOf(stored: StoredFact<"decided"> | undefined): AskedCall["decided"] {
  if (stored?.fact.kind !== "decided") return undefined;
  const { approved, by } = stored.fact;
  return { atMs: stored.storedMs, approved, by: by?.id };
}

/** How often each call of `demo_counter` and `demo_change` was executed: they write a line for each. */
export async function readExecutions({ counterFile }: World): Promise<ReadonlyMap<string, number>> {
  // Without an execution there is no file.
  const text = await readFile(counterFile, "utf8").catch(() => "");
  const counts = new Map<string, number>();
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const [call = ""] = line.split(" ", 1);
    counts.set(call, (counts.get(call) ?? 0) + 1);
  }
  return counts;
}

const ModelRequests = z.array(
  z.object({
    client_request_id: z.string().nullable(),
    at: z.number(),
    state: z.string(),
    ended_at: z.number().nullable(),
  }),
);

export async function readModelRequests({ model }: Pick<World, "model">): Promise<readonly ModelRequest[]> {
  const response = await fetch(`http://127.0.0.1:${model.port}/sim/requests`);
  return ModelRequests.parse(await response.json());
}
