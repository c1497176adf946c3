import { isTerminal, limits, textOf as textOfParts } from "@parley/protocol";
import { expect, it } from "vitest";
import { firstCall, startApprovalBench, type ApprovalBench } from "./approval-bench.ts";
import { textOf } from "./chain-check.ts";
import { chunk, sendStream, startProvider, type SeenRequest } from "./model/fake-provider.ts";

const askOnce = 'call the tool ask with {"x":1}';
const said = "Calling ask.";
/** So old, by the edge's clock, that its events may be forgotten. */
const longAgo = (): number => Date.now() - limits.resumeWindowMs;

type Turn = Awaited<ReturnType<ApprovalBench["ask"]>>;

async function answerOf(bench: ApprovalBench, { conversation_id, turn_id }: Turn) {
  const { turns } = await bench.bus.transcripts.tail(conversation_id, { limit: 10 });
  return turns.find((turn) => turn.turn_id === turn_id)?.answer;
}

it("P2: goes on when all its events are forgotten, with its text, its calls and their order", async () => {
  await using bench = await startApprovalBench();
  const env = { RECORD_FORMAT: "2" };
  const first = await bench.addApprovalWorker(env);
  const turn = await bench.ask(`${askOnce} and call the tool look with {}`, {
    agent: "general",
    acceptedAt: longAgo(),
  });
  await bench.waiting(turn);
  await first.stop();
  await bench.addApprovalWorker(env);
  await bench.forget(turn);
  await bench.decide(turn, { approved: true });
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "complete" });
  expect(end.attempt).toBeGreaterThan(1);
  expect(end.tool_calls.map(({ tool_name, status }) => [tool_name, status])).toEqual([
    ["ask", "completed"],
    ["look", "completed"],
  ]);
  expect(end.response.startsWith("Calling ask and look.\n\n")).toBe(true);
  const events = await bench.eventsOf(turn);
  expect(events.find(({ type }) => type === "turn_restarted")).toMatchObject({ text: "Calling ask and look." });
  expect(textOf(events)).toBe(end.response);
  const answer = await answerOf(bench, turn);
  expect(answer?.parts?.map(({ type }) => type)).toEqual(["text", "tool_call", "tool_call", "text"]);
  expect(answer?.parts?.[1]).toMatchObject({ approval: { summary: "Change it?", approved: true, by: { id: "p" } } });
  expect(textOfParts(answer?.parts ?? [])).toBe(end.response);
  expect([...bench.effects.values()]).toEqual([1, 1]);
});

it("P2: keeps what it had when the worker that went on is killed as well", async () => {
  await using bench = await startApprovalBench();
  const env = { RECORD_FORMAT: "2" };
  const first = await bench.addApprovalWorker(env);
  const turn = await bench.ask(askOnce, { agent: "general", acceptedAt: longAgo(), sim: "tokens=60 rate=30" });
  await bench.waiting(turn);
  await bench.forget(turn);
  await bench.decide(turn, { approved: true });
  await bench.seen(turn, (event) => event.type === "token" && event.token.includes("w1"));
  const second = bench.addApprovalWorker(env);
  await first.kill("SIGKILL");
  await second;
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "complete", tool_calls: [{ status: "completed" }] });
  expect(end.attempt).toBeGreaterThan(2);
  expect(end.response.startsWith(`${said}\n\nw0 w1 `)).toBe(true);
  expect(end.response.match(/w\d+/g)).toHaveLength(60);
  expect((await answerOf(bench, turn))?.parts?.map(({ type }) => type)).toEqual(["text", "tool_call", "text"]);
  expect([...bench.effects.values()]).toEqual([1]);
});

it("P6: is cancelled with its text and its calls when all its events are forgotten", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general", acceptedAt: longAgo() });
  await bench.waiting(turn);
  await bench.forget(turn);
  await bench.cancel(turn);
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "cancelled", response: said, tool_calls: [{ status: "cancelled" }] });
  expect(textOf(await bench.eventsOf(turn))).toBe(said);
  expect(await answerOf(bench, turn)).toMatchObject({ status: "cancelled", message: said });
});

it("has begun: however long it waits, it does not end as one that nobody began", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker({ QUEUE_AGE_MS: "2000", JANITOR_MS: "100" });
  const turn = await bench.ask(askOnce, { agent: "general", acceptedAt: longAgo() });
  await bench.waiting(turn);
  await bench.forget(turn);
  const behind = await bench.ask("hello", { conversation: turn.conversation_id });
  // That one has not, and ends when it has waited too long.
  expect(await bench.ended(behind)).toMatchObject({ type: "error", code: "QUEUE_TIMEOUT" });
  expect(await bench.eventsOf(turn)).toEqual([]);
  await bench.decide(turn, { approved: true });
  expect(await bench.ended(turn)).toMatchObject({ type: "complete" });
  await expect.poll(() => bench.bus.turns.waiting(turn.conversation_id), { timeout: 10_000 }).toEqual([]);
});

it("P1: expires when all its events are forgotten", async () => {
  await using bench = await startApprovalBench({ ttlMs: 5_000 });
  await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general", acceptedAt: longAgo() });
  await bench.waiting(turn);
  await bench.forget(turn);
  expect(await bench.ended(turn)).toMatchObject({ type: "complete", tool_calls: [{ status: "denied" }] });
  expect((await bench.eventsOf(turn)).filter(({ type }) => isTerminal(type))).toHaveLength(1);
});

const signature = { extra_content: { google: { thought_signature: "CvQB" } } };
const call = { index: 0, id: "call_own_1", ...signature, function: { name: "ask", arguments: "{}" } };

function messagesOf({ body: { messages } }: SeenRequest): Record<string, unknown>[] {
  return Array.isArray(messages) ? messages : [];
}

function hasCalls(request: SeenRequest): boolean {
  return messagesOf(request).some(({ role }) => role === "tool");
}

it("a provider gets its own ids, signatures and reasoning back when all events are forgotten", async () => {
  await using bench = await startApprovalBench();
  await using provider = await startProvider((res, request) => {
    if (hasCalls(request)) sendStream(res, chunk({ content: "Done." }, "stop"));
    else sendStream(res, chunk({ reasoning_content: "I ask." }), chunk({ tool_calls: [call] }, "tool_calls"));
  });
  await bench.addApprovalWorker({ OPENAI_BASE_URL: provider.baseURL, OPENAI_API_KEY: "k", OPENAI_MODEL: "minimax-m2" });
  const turn = await bench.ask("change it", { agent: "general", acceptedAt: longAgo() });
  await bench.waiting(turn);
  await bench.forget(turn);
  await bench.decide(turn, { call: firstCall(turn), approved: true });
  expect(await bench.ended(turn)).toMatchObject({ type: "complete", response: "Done." });
  expect(provider.requests.filter(hasCalls).map(messagesOf)[0]?.slice(-2)).toMatchObject([
    { role: "assistant", reasoning_content: "I ask.", tool_calls: [{ id: "call_own_1", ...signature }] },
    { role: "tool", tool_call_id: "call_own_1" },
  ]);
});

it("P11: keeps who decided what of calls that ended before the turn went on waiting, when all events are forgotten", async () => {
  await using bench = await startApprovalBench();
  const env = { RECORD_FORMAT: "2" };
  await bench.addApprovalWorker(env);
  const turn = await bench.ask(`${askOnce} and call the tool ask with {"x":2}`, {
    agent: "general",
    acceptedAt: longAgo(),
  });
  await bench.waiting(turn);
  await bench.decide(turn, { approved: true });
  await bench.waiting(turn, 2);
  await bench.forget(turn);
  await bench.decide(turn, { approved: false, call: firstCall(turn, 0, 1) });
  expect(await bench.ended(turn)).toMatchObject({ type: "complete" });
  const calls = (await answerOf(bench, turn))?.parts?.filter(({ type }) => type === "tool_call");
  expect(calls).toMatchObject([{ approval: { approved: true } }, { approval: { approved: false } }]);
});
