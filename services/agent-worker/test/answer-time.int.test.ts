import {
  messagesOf,
  encodeEvent,
  subjects,
  type ChainEvent,
  type Outcome,
  type StoredEvent,
  type TurnRequest,
} from "@parley/protocol";
import { expect, it } from "vitest";
import { startWorkbench, type Workbench } from "./workbench.ts";

async function timesOf({ bus }: Workbench, { conversation_id }: TurnRequest): Promise<number[]> {
  const { turns } = await bus.transcripts.tail(conversation_id, { limit: 10 });
  return messagesOf(turns).map(({ ts }) => ts);
}

function endingOf(events: readonly { readonly event: StoredEvent }[]): StoredEvent | undefined {
  return events.map(({ event }) => event).find(({ type }) => type === "ending");
}

it("records when the answer ended, not when the question came", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const turn = await bench.ask("hello", { sim: "tokens=20 rate=20" });
  await bench.ended(turn);
  const ending = endingOf(await bench.events(turn));
  expect(ending?.ts).toBeGreaterThan(turn.accepted_at);
  expect(await timesOf(bench, turn)).toEqual([turn.accepted_at, ending?.ts]);
});

it("records the time of the decision also when another worker took over after it", async () => {
  await using bench = await startWorkbench();
  const turn = await bench.ask("hello");
  const { conversation_id, turn_id, accepted_at } = turn;
  const decidedAt = accepted_at + 7_000;
  const subject = subjects.agent(bench.bus.events.shardOf(conversation_id), conversation_id, turn_id);
  const append = async (event: ChainEvent, expectedSeq: number): Promise<number> => {
    const written = await bench.bus.events.append({ subject, data: encodeEvent(event), expect: expectedSeq });
    if (written.kind !== "stored") throw new Error(written.kind);
    return written.seq;
  };
  const chained = { conversation_id, turn_id, attempt: 1 };
  const claimed = await append({ type: "claimed", ...chained, n: 0, ts: accepted_at, worker: "lost" }, 0);
  const usage = { input_tokens: 1, output_tokens: 1 };
  const outcome: Outcome = {
    type: "complete",
    response: "Hi.",
    message_id: `${turn_id}-a`,
    tool_calls: [],
    usage,
    metadata: {},
  };
  await append({ type: "ending", ...chained, n: 1, ts: decidedAt, outcome }, claimed);
  await bench.addWorker();
  await bench.ended(turn);
  expect(await timesOf(bench, turn)).toEqual([accepted_at, decidedAt]);
});
