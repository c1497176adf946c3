import { jetstreamManager } from "@nats-io/jetstream";
import { decodeJson, encodeEvent, streams, subjects, StoredEvent, type TurnRequest } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { textOf } from "./chain-check.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

const maxBytes = 200_000;
const fillerBytes = 10_000;

/** A bench whose event stream is soon full, with what a viewer of the turn gets live. */
async function startFullBench() {
  const bench = await startWorkbench();
  const worker = await bench.addWorker();
  const jsm = await jetstreamManager(bench.bus.nc);
  const { config } = await jsm.streams.info(streams.events(0));
  await jsm.streams.update(config.name, { ...config, max_bytes: maxBytes });
  const turn = await bench.ask("hello", { sim: "tokens=150 rate=30" });
  const live: StoredEvent[] = [];
  bench.bus.events.subscribe(bench.bus.events.liveOf(turn.conversation_id), ({ subject, data }) => {
    if (subject.endsWith(".a")) live.push(decodeJson(StoredEvent, data));
  });
  await bench.seen(turn, ({ type }) => type === "token");
  return { bench, worker, turn, live };
}

async function say({ bus }: Workbench): Promise<void> {
  const [conversation_id, turn_id, call_id] = ["others", "t", "c"];
  const text = "x".repeat(fillerBytes);
  const event = { type: "tool_call_progress" as const, conversation_id, turn_id, call_id, ts: 0, message: text };
  await bus.events.append({
    subject: subjects.toolProgress(0, conversation_id, turn_id, call_id),
    data: encodeEvent(event),
  });
}

/** Others fill the stream until the turn's beginning is dropped from it; its newest event is always there. */
async function dropBeginning(bench: Workbench, turn: TurnRequest, live: readonly StoredEvent[]): Promise<void> {
  await eventually(
    async () => {
      const seen = live.length;
      await say(bench);
      await eventually(() => live.length > seen, { what: "the next event of the turn" });
      return !(await bench.events(turn)).some(({ event }) => event.type === "thinking");
    },
    { what: "the loss of the turn's beginning", timeoutMs: 15_000 },
  );
}

it("P1, P2: a turn goes on whose beginning a full stream has dropped", async () => {
  const { bench, turn, live } = await startFullBench();
  await using _bench = bench;
  await dropBeginning(bench, turn, live);
  const end = await bench.ended(turn);
  expect(end.type).toBe("complete");
  await eventually(() => live.some(({ type }) => type === "complete"), { what: "the live end" });
  expect(textOf(live)).toBe(end.response);
  expect(live.some(({ type }) => type === "turn_restarted")).toBe(false);
});

it("P1, P2: a turn begins again whose events a full stream has all dropped", async () => {
  const { bench, turn, live } = await startFullBench();
  await using _bench = bench;
  await Promise.all(Array.from({ length: (2 * maxBytes) / fillerBytes }, () => say(bench)));
  const end = await bench.ended(turn);
  expect(end.type).toBe("complete");
  await eventually(() => live.some(({ type }) => type === "complete"), { what: "the live end" });
  expect(textOf(live)).toBe(end.response);
});

it("P1, P2, P5: a turn that lost its beginning and its worker ends honestly, and runs nothing again", async () => {
  const { bench, worker, turn, live } = await startFullBench();
  await using _bench = bench;
  await dropBeginning(bench, turn, live);
  await worker.kill("SIGKILL");
  await bench.addWorker();
  const end = await bench.ended(turn);
  expect(end).toMatchObject({
    ...{ type: "error", code: "WORKER_LOST", retryable: true },
    error: "The worker that was answering was lost, and the beginning of its answer is no longer kept.",
  });
  await eventually(() => live.some(({ type }) => type === "error"), { what: "the live end" });
  expect(textOf(live)).toBe(end.response);
  const { turns } = await bench.bus.transcripts.tail(turn.conversation_id, { limit: 2 });
  expect(turns.at(-1)?.answer).toMatchObject({ status: "error", message: end.response });
});
