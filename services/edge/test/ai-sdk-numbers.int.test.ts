import { randomUUID } from "node:crypto";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, request } from "./support/http-client.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  [edge, other] = [await world.addEdge(), await world.addEdge()];
});
afterAll(() => world[Symbol.asyncDispose]());

/** The worker of these tests keeps no usage in its records. */
const Chunk = z.object({ type: z.string(), id: z.string().optional(), delta: z.string().optional() });
type Chunk = z.infer<typeof Chunk>;

function chunksIn(text: string): Chunk[] {
  const lines = text.split("\n\n").filter((line) => line.startsWith("data: {"));
  return lines.map((line) => Chunk.parse(JSON.parse(line.slice(6))));
}

const textOf = (chunks: readonly Chunk[]): string => chunks.map(({ delta = "" }) => delta).join("");

/** A stream as far as it has come; `ended`: how it ended. */
function follow(response: Response) {
  const state = { text: "", isWhole: false };
  const reading = (async () => {
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value = "" } = (await reader?.read()) ?? { done: true };
      if (done) break;
      state.text += value;
    }
    state.isWhole = true;
  })();
  return {
    chunks: (): Chunk[] => chunksIn(state.text),
    ended: reading.then(
      () => ({ chunks: chunksIn(state.text), isWhole: state.text.endsWith("[DONE]\n\n") }),
      () => ({ chunks: chunksIn(state.text), isWhole: false }),
    ),
    shows: (word: string) =>
      eventually(() => textOf(chunksIn(state.text)).includes(word), { what: `the word ${word}` }),
  };
}

/** A chat of `WorkflowChatTransport` whose answer is in the hands of the test. */
async function begin() {
  const messages = [{ id: "m1", role: "user", parts: [{ type: "text", text: "why?" }] }];
  const body = { id: `chat-${randomUUID()}`, messages };
  const response = await request(edge, "POST", "/api/ai/workflow", { body });
  expect(response.status).toBe(200);
  const run = response.headers.get("x-workflow-run-id") ?? "";
  const [, conversation = "", turn = ""] = run.split(".");
  const get = (index: number, on = other, user = "ann") =>
    request(on, "GET", `/api/ai/workflow/${run}/stream?startIndex=${index}`, { user });
  return {
    run,
    stream: follow(response),
    answer: world.worker.take(conversation, turn),
    get,
    from: async (index: number, on = other) => follow(await get(index, on)),
    refusal: async (index: number) => ask(other, "GET", `/api/ai/workflow/${run}/stream?startIndex=${index}`),
  };
}

const said = "It is so because it cannot be otherwise, and has never been.";

describe("an answer in numbered chunks", () => {
  it("goes on behind each number, whether it runs or has ended, on any edge", async () => {
    const { stream, answer, from } = await begin();
    for (const token of said.match(/.{1,5}/gs) ?? []) await answer.token(token);
    await stream.shows("never");
    const count = stream.chunks().length;
    const running = await Promise.all(
      [1, 2, 5, count - 1, count].map(async (index) => [index, await from(index)] as const),
    );
    await answer.complete(said);
    const { chunks: whole, isWhole } = await stream.ended;
    expect([textOf(whole), isWhole]).toEqual([said, true]);
    for (const [index, { ended }] of running)
      expect(await ended, `from ${index}`).toEqual({ chunks: whole.slice(index), isWhole: true });
    for (const index of [1, 4, count, whole.length - 1])
      expect(await (await from(index, edge)).ended).toEqual({ chunks: whole.slice(index), isWhole: true });
  });

  it("is had from its end on, with the number of the last chunk", async () => {
    const { stream, answer, get } = await begin();
    await answer.token(said);
    await answer.complete(said);
    const { chunks: whole } = await stream.ended;
    for (const back of [-1, -3, -1_000]) {
      const response = await get(back);
      expect(response.headers.get("x-workflow-stream-tail-index")).toBe(String(whole.length - 1));
      expect((await follow(response).ended).chunks).toEqual(whole.slice(back));
    }
  });

  it("has nothing behind its last chunk, and is nobody else's", async () => {
    const { stream, answer, get, refusal } = await begin();
    await answer.token(said);
    await stream.shows("has");
    const early = await refusal(1_000);
    expect([early.status, early.body.error]).toEqual([409, expect.stringContaining("no chunk with this number yet")]);
    await answer.complete(said);
    const { chunks } = await stream.ended;
    expect((await refusal(chunks.length)).status).toBe(409);
    expect((await get(1, other, "eve")).status).toBe(204);
  });

  it("that says something else after a restart is cut, and its numbers are refused as far as they are in doubt", async () => {
    const { stream, answer, refusal, from } = await begin();
    await answer.token("It is so because it must.");
    await stream.shows("because");
    const count = stream.chunks().length;
    const again = { conversation_id: answer.conversation, turn_id: answer.turn, ts: 1, attempt: 2 };
    await answer.append({ type: "claimed", ...again, n: 0, worker: "w2" });
    await answer.append({ type: "turn_restarted", ...again, n: 1, text: "It is " });
    await answer.append({ type: "token", ...again, n: 2, token: "not so at all." });
    expect(await stream.ended).toMatchObject({ isWhole: false });
    const refused = await refusal(count);
    expect([refused.status, refused.body.error]).toEqual([409, expect.stringContaining("begun anew")]);
    // Start, step, text and its first word are the same.
    const same = await from(4);
    const whole = await from(0);
    await answer.complete("It is not so at all.");
    const { chunks } = await whole.ended;
    expect(textOf(chunks)).toBe("It is not so at all.");
    expect(await same.ended).toEqual({ chunks: chunks.slice(4), isWhole: true });
  });

  it("that repeats after a restart what it said goes on without a word of it", async () => {
    const { stream, answer, from } = await begin();
    await answer.token("It is so because it ");
    await stream.shows("because");
    const count = stream.chunks().length;
    const again = { conversation_id: answer.conversation, turn_id: answer.turn, ts: 1, attempt: 2 };
    await answer.append({ type: "claimed", ...again, n: 0, worker: "w2" });
    await answer.append({ type: "turn_restarted", ...again, n: 1, text: "It " });
    const second = await from(count);
    for (const token of ["is so ", "because it ", "must."])
      await answer.append({ type: "token", ...again, n: 2, token });
    await answer.complete("It is so because it must.");
    const { chunks } = await stream.ended;
    expect(textOf(chunks)).toBe("It is so because it must.");
    expect(await second.ended).toEqual({ chunks: chunks.slice(count), isWhole: true });
  });

  it("is counted anew behind a question, under a name of its own", async () => {
    const { run, stream, answer, from } = await begin();
    const about = { conversation_id: answer.conversation, turn_id: answer.turn, ts: 1 };
    const call = { call_id: `${answer.turn}-0-0`, tool_name: "set", arguments: {} };
    await answer.token("I set it.");
    await answer.append({ type: "tool_call_start", ...about, attempt: 1, n: 1, ...call });
    await answer.append({ type: "approval_required", ...about, ...call, summary: "Set it?", expires_at: 9 });
    await answer.append({ type: "waiting", ...about, attempt: 1, n: 2, for: "approval", until: 9 });
    const asked = await stream.ended;
    expect(asked.chunks.slice(-4).map(({ type }) => type)).toEqual([
      ...["tool-approval-request", "data-approval", "finish-step", "finish"],
    ]);
    await answer.append({
      type: "approval_decided",
      ...about,
      call_id: call.call_id,
      approved: true,
      by: { id: "ann" },
    });
    const ended = { status: "completed", result: "set", duration_ms: 1 };
    await answer.append({ type: "tool_call_end", ...about, ...call, ...ended });
    await answer.append({ type: "token", ...about, attempt: 1, n: 3, token: "It is set." });
    const behind = async (index: number) =>
      follow(await request(other, "GET", `/api/ai/workflow/${run}.0/stream?startIndex=${index}`));
    const [first, ...later] = await Promise.all([0, 1, 3].map(behind));
    const rest = await from(asked.chunks.length - 1);
    await answer.append({
      ...about,
      type: "complete",
      attempt: 1,
      n: 4,
      response: "I set it.It is set.",
      message_id: `${answer.turn}-a`,
      tool_calls: [],
      usage: { input_tokens: 1, output_tokens: 1 },
      metadata: {},
    });
    const { chunks: all, isWhole } = (await first?.ended) ?? { chunks: [], isWhole: false };
    expect(isWhole).toBe(true);
    expect(all.slice(0, 3).map(({ type }) => type)).toEqual(["start", "data-approval", "tool-output-available"]);
    // The `finish` behind the question has no number: what follows stands in its place.
    expect((await rest.ended).chunks).toEqual(all.slice(1));
    expect((await later[0]?.ended)?.chunks).toEqual(all.slice(1));
    expect((await later[1]?.ended)?.chunks).toEqual(all.slice(3));
  });
});
