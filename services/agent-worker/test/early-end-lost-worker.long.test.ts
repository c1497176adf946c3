import { encodeEvent, isTerminal, subjects, type ChainEvent, type TurnRequest } from "@parley/protocol";
import { expect, it } from "vitest";
import { expectSoundChain } from "./chain-check.ts";
import { startHoldingProxy } from "./holding-proxy.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

const endless = "tokens=4000 rate=20";
const ackWaitMs = 2_000;
const ageMs = 2_000;
/** Beyond the ack wait, with a new process that must start meanwhile: 8 s were seen beside two other tests. Without what is tested it takes the janitor's ten minutes. */
const promptMs = ackWaitMs + 13_000;
const noJanitor = { JANITOR_MS: "600000" };

const outcomes = {
  cancelled: { type: "cancelled", reason: "cancelled by user" },
  late: { type: "error", error: "It waited too long.", code: "QUEUE_TIMEOUT", retryable: true },
} as const;

/** What a lost worker has written of the turn's end. */
async function leaveHalfEnded({ bus }: Workbench, turn: TurnRequest, decided?: keyof typeof outcomes): Promise<void> {
  const { conversation_id, turn_id } = turn;
  const subject = subjects.agent(bus.events.shardOf(conversation_id), conversation_id, turn_id);
  const chained = { conversation_id, turn_id, attempt: 1, ts: Date.now() };
  const append = async (event: ChainEvent, expect: number): Promise<number> => {
    const written = await bus.events.append({ subject, data: encodeEvent(event), expect });
    if (written.kind !== "stored") throw new Error(written.kind);
    return written.seq;
  };
  const claimed = await append({ type: "claimed", ...chained, n: 0, worker: "lost", answers: true }, 0);
  if (decided === undefined) return;
  const usage = { input_tokens: 0, output_tokens: 0 };
  const message = { response: "", message_id: `${turn_id}-a`, tool_calls: [], usage };
  await append({ type: "ending", ...chained, n: 1, outcome: { ...outcomes[decided], ...message } }, claimed);
}

async function expectPromptEnd(bench: Workbench, turn: TurnRequest, end: object, fromMs: number): Promise<void> {
  expect(await bench.ended(turn)).toMatchObject({ ...end, response: "", attempt: 2 });
  expect(performance.now() - fromMs).toBeLessThan(promptMs);
  expectSoundChain((await bench.events(turn)).map(({ event }) => event));
}

async function expectGoesOn(bench: Workbench, turn: TurnRequest): Promise<void> {
  expect((await bench.events(turn)).some(({ event }) => isTerminal(event.type))).toBe(false);
}

it.each([
  ["claimed it", '"type":"claimed"'],
  ["decided its end", '"type":"ending"'],
])("ends a waiting turn that was cancelled and whose worker was killed when it had %s", async (_, said) => {
  await using bench = await startWorkbench();
  await using proxy = await startHoldingProxy(bench.nats.port);
  const lost = await bench.addWorker({ ...noJanitor, NATS_URL: proxy.url });
  const first = await bench.ask("hello", { sim: endless });
  await bench.seen(first, ({ type }) => type === "token");
  const second = await bench.ask("again", { conversation: first.conversation_id });
  const isHeld = proxy.holdAfter(said);
  await bench.cancel(second);
  await isHeld;
  await lost.kill("SIGKILL");
  const killedAt = performance.now();
  await bench.addWorker(noJanitor);
  await expectPromptEnd(bench, second, { type: "cancelled" }, killedAt);
  await expectGoesOn(bench, first);
});

it("ends it also where a live worker heard of both while it held the turn", async () => {
  await using bench = await startWorkbench();
  await using proxy = await startHoldingProxy(bench.nats.port);
  const lost = await bench.addWorker({ ...noJanitor, NATS_URL: proxy.url });
  const other = await bench.addWorker(noJanitor);
  const first = await bench.ask("hello", { sim: endless });
  await bench.seen(first, ({ type }) => type === "token");
  const second = await bench.ask("again", { conversation: first.conversation_id });
  other.freeze();
  const isHeld = proxy.holdAfter('"type":"claimed"');
  await bench.cancel(second);
  await isHeld;
  await lost.kill("SIGKILL");
  other.thaw();
  const killedAt = performance.now();
  expect(await bench.ended(second)).toMatchObject({ type: "cancelled", response: "" });
  expect(performance.now() - killedAt).toBeLessThan(promptMs);
});

it.each([
  ["claimed it", undefined],
  ["decided its end", "late"],
] as const)(
  "ends a turn that waited too long when the worker that ended it was lost after it had %s",
  async (_, by) => {
    await using bench = await startWorkbench();
    await bench.addWorker({ ...noJanitor, QUEUE_AGE_MS: String(ageMs) });
    const first = await bench.ask("hello", { sim: endless });
    await bench.seen(first, ({ type }) => type === "token");
    const second = await bench.ask("again", { conversation: first.conversation_id });
    const askedAt = performance.now();
    await leaveHalfEnded(bench, second, by);
    await expectPromptEnd(bench, second, { type: "error", code: "QUEUE_TIMEOUT" }, askedAt + ageMs - ackWaitMs);
    await expectGoesOn(bench, first);
  },
);

it("ends such a turn also where no worker has room to hold it", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker({ QUEUE_AGE_MS: String(ageMs), JANITOR_MS: "200", SLOTS: "1" });
  const first = await bench.ask("hello", { sim: endless });
  await bench.seen(first, ({ type }) => type === "token");
  const second = await bench.ask("again", { conversation: first.conversation_id });
  const askedAt = performance.now();
  await leaveHalfEnded(bench, second);
  await expectPromptEnd(bench, second, { type: "error", code: "QUEUE_TIMEOUT" }, askedAt + ageMs - ackWaitMs);
  await expectGoesOn(bench, first);
});

it("leaves a turn that runs to its worker, however old and silent it is", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker({ QUEUE_AGE_MS: String(ageMs), JANITOR_MS: "200" });
  const turn = await bench.ask("hello", { sim: "first_ms=6000 tokens=3" });
  expect(await bench.ended(turn)).toMatchObject({ type: "complete", attempt: 1 });
});
