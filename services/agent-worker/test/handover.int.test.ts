import { cp, writeFile } from "node:fs/promises";
import path from "node:path";
import { messageIdOf, type TurnRequest } from "@parley/protocol";
import { eventually, tempDir, type TempDir } from "@parley/testkit";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectSoundChain } from "./chain-check.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

const shipped = fileURLToPath(new URL("../../../config/agents", import.meta.url));
const olga = { role: "operator", id: "olga", name: "Olga" };

let bench: Workbench;
let folder: TempDir;
const workers = { HANDOVER_WAIT_MS: "60000", HANDOVER_IDLE_MS: "60000", JANITOR_MS: "300" };

beforeAll(async () => {
  bench = await startWorkbench();
  folder = await tempDir();
  await cp(shipped, folder.path, { recursive: true });
  const desk = { name: "desk", description: "Asks.", examples: [], system_prompt: "Help.", tools: ["ask_person"] };
  await writeFile(path.join(folder.path, "desk.yaml"), JSON.stringify(desk));
  await bench.addWorker({ ...workers, AGENTS_DIR: folder.path });
}, 240_000);
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const conversationId = (): string => `c_${randomUUID()}`;

async function say(conversation: string, message: string, more: Partial<TurnRequest> = {}): Promise<TurnRequest> {
  const turn_id = randomUUID().replaceAll("-", "");
  const request: TurnRequest = {
    ...{ v: 1, turn_id, conversation_id: conversation, user: { id: "ann" }, id: turn_id, message },
    ...{ message_id: messageIdOf(turn_id, "user"), accepted_at: Date.now(), caller: { roles: [], tenant: "acme" } },
    ...more,
  };
  await bench.bus.turns.submit(request);
  return request;
}

const fromOlga = { user: { id: "olga", name: "Olga" }, handover: "answer" };

/** What the model was given for this turn; undefined: it was not asked. */
async function askedModel({ turn_id }: TurnRequest): Promise<{ role: string; content: string }[] | undefined> {
  const url = `http://127.0.0.1:${bench.model.port}/sim/requests?client_request_id=${turn_id}`;
  const list: unknown = await (await fetch(url)).json();
  return JSON.stringify(list).includes(turn_id) ? [] : undefined;
}

it("is silent from the user's wish on, and answers again when the conversation is given back", async () => {
  const conversation = conversationId();
  const asked = await say(conversation, "I want to talk to a person", { handover: "ask" });
  const first = await bench.ended(asked);
  expect(first).toMatchObject({ type: "complete", metadata: { handover: "waiting" } });
  expect(first.response).toContain("A person was asked");
  expect(await bench.bus.handovers.of(conversation)).toMatchObject({
    ...{ state: "waiting", tenant: "acme", user: { id: "ann" }, reason: "I want to talk to a person" },
    asked_by: { role: "user", id: "ann" },
  });

  const note = await bench.ended(await say(conversation, "Is anybody there?"));
  expect(note).toMatchObject({ type: "complete", response: "", metadata: { handover: "waiting" } });
  expect(note.usage).toEqual({ input_tokens: 0, output_tokens: 0 });

  await bench.bus.handovers.take(conversation, olga);
  const answered = await bench.ended(await say(conversation, "Hello, this is Olga.", fromOlga));
  expect(answered).toMatchObject({ type: "complete", response: "", metadata: { handover: "taken" } });
  const during = await say(conversation, "Thank you!");
  expect(await bench.ended(during)).toMatchObject({ response: "", metadata: { handover: "taken" } });
  expect(await askedModel(during)).toBeUndefined();

  await bench.bus.handovers.end(conversation, "given back");
  const after = await say(conversation, "hello");
  const end = await bench.ended(after);
  expect(end).toMatchObject({ type: "complete", metadata: { agent: expect.any(String) } });
  expect(end.response).not.toBe("");
  expect(await askedModel(after)).toBeDefined();

  const { turns } = await bench.bus.transcripts.tail(conversation, { limit: 40 });
  expect(turns.map(({ question }) => question?.author)).toEqual([
    { role: "user", id: "ann" },
    { role: "user", id: "ann" },
    { role: "operator", id: "olga", name: "Olga" },
    { role: "user", id: "ann" },
    { role: "user", id: "ann" },
  ]);
  for (const turn of [asked, during, after]) expectSoundChain((await bench.events(turn)).map(({ event }) => event));
});

it("is silent too where an earlier message is sent again: the turns before that know of no person", async () => {
  const conversation = conversationId();
  const first = await say(conversation, "hello");
  expect((await bench.ended(first)).response).not.toBe("");
  await bench.ended(await say(conversation, "I want to talk to a person", { handover: "ask" }));
  for (const parent of [null, first.turn_id]) {
    const again = await say(conversation, "hello again", { parent });
    expect(await bench.ended(again)).toMatchObject({ response: "", metadata: { handover: "waiting" } });
    expect(await askedModel(again)).toBeUndefined();
  }
  await bench.bus.handovers.end(conversation, "withdrawn");
  expect((await bench.ended(await say(conversation, "and now", { parent: null }))).response).not.toBe("");
});

it("lets an agent that has the tool ask for a person, once", async () => {
  const conversation = conversationId();
  const turn = await say(conversation, 'call the tool ask_person with {"reason": "wants a refund"}', { agent: "desk" });
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "complete", metadata: { agent: "desk", handover: "waiting" } });
  expect(end.tool_calls).toMatchObject([{ tool_name: "ask_person", status: "completed" }]);
  expect(await bench.bus.handovers.of(conversation)).toMatchObject({
    ...{ n: 1, state: "waiting", reason: "wants a refund", asked_by: { role: "assistant" }, user: { id: "ann" } },
  });
  expect(await bench.ended(await say(conversation, "hello"))).toMatchObject({ response: "" });
});

it("does not offer it to an agent that takes every tool", async () => {
  const turn = await say(conversationId(), 'call the tool ask_person with {"reason": "x"}', { agent: "general" });
  const end = await bench.ended(turn);
  expect(end.tool_calls).toEqual([]);
  expect(await bench.bus.handovers.of(turn.conversation_id)).toBeUndefined();
});

it("ends when nobody comes, tells so, and the agent goes on", { timeout: 120_000 }, async () => {
  const conversation = conversationId();
  await using hasty = await startWorkbench();
  await hasty.addWorker({ ...workers, HANDOVER_WAIT_MS: "1000" });
  const { bus } = hasty;
  const request = { user: { id: "ann" }, message: "a person, please", handover: "ask" };
  const sent = async (more: Partial<TurnRequest>): Promise<TurnRequest> => {
    const turn = await hasty.ask("unused", { conversation: `${conversation}-unused-${randomUUID()}` });
    const turn_id = randomUUID().replaceAll("-", "");
    const made = { ...turn, conversation_id: conversation, turn_id, id: turn_id, ...more };
    await bus.turns.submit({ ...made, message_id: messageIdOf(turn_id, "user") });
    return made;
  };
  await hasty.ended(await sent(request));
  await eventually(async () => (await bus.handovers.of(conversation))?.state === "ended", { what: "its end" });
  expect(await bus.handovers.of(conversation)).toMatchObject({ ended: "nobody came" });
  const told = async (): Promise<number> =>
    (await bus.events.read(conversation, { fromSeq: 1 })).filter(({ subject }) => subject.endsWith(".handover")).length;
  // It is told behind the record.
  await eventually(async () => (await told()) === 2, { what: "both events" });
  const end = await hasty.ended(await sent({ message: "hello", user: { id: "ann" } }));
  expect(end.response).not.toBe("");
});

it("goes on with a turn that asks when its worker is killed, and asks nobody twice", { timeout: 120_000 }, async () => {
  await using other = await startWorkbench();
  const dying = await other.addWorker(workers);
  const conversation = conversationId();
  const turn_id = randomUUID().replaceAll("-", "");
  const message_id = messageIdOf(turn_id, "user");
  const request: TurnRequest = {
    ...{ v: 1, turn_id, conversation_id: conversation, user: { id: "ann" }, id: turn_id, message: "help", message_id },
    ...{ accepted_at: Date.now(), handover: "ask" },
  };
  await other.bus.turns.submit(request);
  await eventually(async () => (await other.bus.handovers.of(conversation)) !== undefined, { what: "the record" });
  void dying.kill("SIGKILL");
  await other.addWorker(workers);
  expect(await other.ended(request)).toMatchObject({ type: "complete", metadata: { handover: "waiting" } });
  expect(await other.bus.handovers.of(conversation)).toMatchObject({ n: 1, state: "waiting" });
  expectSoundChain((await other.events(request)).map(({ event }) => event));
});
