import { writeFile } from "node:fs/promises";
import path from "node:path";
import { messageIdOf, streams, subjects, type TurnRequest } from "@parley/protocol";
import { tempDir, type TempDir } from "@parley/testkit";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectSoundChain } from "../chain-check.ts";
import { chunk, sendStream, startProvider } from "../model/fake-provider.ts";
import { ann, bob, change, people, posts } from "./room-bench.ts";
import { startWorkbench, type Workbench } from "../workbench.ts";

interface Told {
  readonly role: string;
  readonly content: string;
}

let bench: Workbench;
let provider: Awaited<ReturnType<typeof startProvider>>;
let agents: TempDir;
/** Answers that are held back until somebody lets them go. */
const held = new Map<string, () => void>();

/** Says how many messages it was given; whoever asks to wait gets the first word, and the rest later. */
async function startAnswering() {
  return startProvider((res, { body }) => {
    const { messages } = body as unknown as { messages: Told[] };
    const question = messages.at(-1)?.content ?? "";
    const rest = [chunk({ content: ` of ${messages.length}` }), chunk({}, "stop")] as const;
    const waits = /wait (\w+)/.exec(question)?.[1];
    if (waits === undefined) return sendStream(res, chunk({ content: "Answer" }), ...rest);
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write(`data: ${JSON.stringify(chunk({ content: "Answer" }))}\n\n`);
    held.set(waits, () => res.destroy());
  });
}

const agentFile = (name: string): string =>
  `name: ${name}\ndescription: Answers.\nexamples: []\nsystem_prompt: I am ${name}.\nmemory: ${name === "general"}\n`;

beforeAll(async () => {
  agents = await tempDir();
  for (const name of ["general", "stock"]) await writeFile(path.join(agents.path, `${name}.yaml`), agentFile(name));
  [bench, provider] = await Promise.all([startWorkbench(), startAnswering()]);
  await bench.addWorker(env());
}, 120_000);
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
  await agents[Symbol.asyncDispose]();
});

const env = () => ({ OPENAI_BASE_URL: provider.baseURL, OPENAI_MODEL: "test-model", AGENTS_DIR: agents.path });

const conversationId = (): string => `c_${randomUUID()}`;

async function say(conversation: string, user: TurnRequest["user"], message: string, more: Partial<TurnRequest> = {}) {
  const turn_id = randomUUID().replaceAll("-", "");
  const request: TurnRequest = {
    ...{ v: 1, turn_id, conversation_id: conversation, user, id: turn_id, message, room: true },
    ...{ message_id: messageIdOf(turn_id, "user"), accepted_at: Date.now(), caller: { roles: [] } },
    ...more,
  };
  await bench.bus.turns.submit(request);
  return request;
}

/** What the model was given for this turn, the last time. */
function toldOf({ turn_id }: TurnRequest): Told[] {
  const { body } =
    provider.requests.findLast(({ headers }) => `${headers["x-client-request-id"]}`.startsWith(turn_id)) ?? {};
  if (body === undefined) throw new Error("the model was not asked");
  return (body as unknown as { messages: Told[] }).messages;
}

it("tells the model who said what, also between turns", async () => {
  const conversation = conversationId();
  await people(bench, conversation, { posts: true });
  const first = await say(conversation, ann, "It makes a noise.");
  await bench.ended(first);
  const said = Array.from({ length: 60 }, (_, at) => ({ message: `And ${at}.`, after: first.turn_id }));
  const ids = await posts(bench, conversation, said);
  const second = await say(conversation, bob, "Is it the belt?", { reply_to: ids[50] ?? "" });
  const end = await bench.ended(second);
  const [system, ...told] = toldOf(second);
  expect(system?.content).toContain("you are called mechanic here. Other agents here: @parts.");
  const content = told.map((one) => one.content).join("\n");
  // As many posts as messages of turns are looked at: 40.
  expect(content).toContain("[Bob]: And 58.\n\n[Bob]: And 59.");
  expect(content.match(/\[Bob\]: And \d+\./g)).toHaveLength(40);
  expect(content).toMatch(/\[Bob\] \(in reply to Bob: "And 50\."\): Is it the belt\?$/);
  expect(end).toMatchObject({ type: "complete", author: { role: "assistant", name: "mechanic" } });
});

it("edited and deleted posts are told as they stand", async () => {
  const conversation = conversationId();
  await people(bench, conversation, { posts: true, changes: true });
  const [edited = "", deleted = ""] = await posts(bench, conversation, [
    { message: "Waht noise?", after: null },
    { message: "My secret.", after: null },
  ]);
  await change(bench, conversation, edited, { message: "What noise?", edited_at: 1 });
  await change(bench, conversation, deleted, { deleted_at: 1 });
  const turn = await say(conversation, ann, "Is it the belt?");
  await bench.ended(turn);
  expect(toldOf(turn).at(-1)?.content).toBe(
    "[Bob]: What noise?\n\n[Bob]:\n" +
      `${/<said fence="[0-9a-f]{12}">/.exec(toldOf(turn).at(-1)?.content ?? "")?.[0]}\n[This message was deleted.]\n` +
      `${/<\/said fence="[0-9a-f]{12}">/.exec(toldOf(turn).at(-1)?.content ?? "")?.[0]}\n\n[Ann]: Is it the belt?`,
  );
});

it("an agent that was called answers under its name in the room, and reads the other's answer as another's", async () => {
  const conversation = conversationId();
  await people(bench, conversation);
  await bench.ended(await say(conversation, ann, "It makes a noise."));
  const turn = await say(conversation, bob, "@parts have we a belt?", { agent: "stock" });
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ author: { role: "assistant", name: "parts" }, metadata: { agent: "stock" } });
  expect(toldOf(turn).slice(1)).toEqual([
    {
      role: "user",
      content: "[Ann]: It makes a noise.\n\n[mechanic, another agent]: Answer of 2\n\n[Bob]: @parts have we a belt?",
    },
  ]);
  const stored = await bench.bus.transcripts.newest(conversation);
  expect(stored?.answer?.author).toEqual({ role: "assistant", name: "parts" });
  const types = await bench.events(turn);
  expect(
    types.map(({ event }) => event).find((event) => event.type === "progress" && event.agent !== undefined),
  ).toMatchObject({
    ...{ agent: "stock", name: "parts", message: "The agent parts answers" },
  });
});

it("what is remembered of whoever asks is told in nobody else's turn", async () => {
  const conversation = conversationId();
  await people(bench, conversation);
  const fact = { id: "m_1", text: "Has a dog.", by: "user", ts: 1 };
  await bench.bus.memories.change({ user: ann.id, tenant: undefined }, (memory) => ({ ...memory, facts: [fact] }));
  const [hers, his] = [await say(conversation, ann, "Hm."), await say(conversation, bob, "So.")];
  await Promise.all([bench.ended(hers), bench.ended(his)]);
  expect(JSON.stringify(toldOf(hers))).toContain("Has a dog.");
  expect(JSON.stringify(toldOf(his))).not.toContain("Has a dog.");
});

it("killed in mid-answer: whoever goes on has the same room, and the answer the same name, also when it is stopped", async () => {
  await using own = await startWorkbench();
  const before = bench;
  bench = own;
  try {
    const conversation = conversationId();
    await people(bench, conversation, { posts: true });
    await posts(bench, conversation, [{ message: "Let us ask.", after: null }]);
    const first = await own.addWorker(env());
    const turn = await say(conversation, ann, "wait takeover");
    await own.seen(turn, ({ type }) => type === "token");
    const told = toldOf(turn);
    await first.kill();
    held.get("takeover")?.();
    await own.addWorker(env());
    await own.seen(turn, (event) => event.type === "claimed" && event.attempt === 2);
    await own.cancel(turn);
    expect(await own.ended(turn)).toMatchObject({ type: "cancelled", author: { role: "assistant", name: "mechanic" } });
    expect(toldOf(turn)).toEqual(told);
    expectSoundChain((await own.events(turn)).map(({ event }) => event));
  } finally {
    bench = before;
  }
});

it("a conversation of one asks for no people, posts or changes, and has not a byte more in its prompt and its events", async () => {
  const looked: string[] = [];
  const conversation = conversationId();
  const shard = bench.bus.events.shardOf(conversation);
  const watching = bench.bus.nc.subscribe(`${subjects.directGet(streams.log(shard))}.>`, {
    callback: (_error, { subject }) => void looked.push(subject),
  });
  await bench.ended(await say(conversation, ann, "Hello.", { room: undefined }));
  const turn = await say(conversation, ann, "And now?", { room: undefined });
  const end = await bench.ended(turn);
  watching.unsubscribe();
  const isLookedAt = (subject: string): boolean => looked.some((one) => one.includes(subject));
  expect(isLookedAt(subjects.log(shard, conversation))).toBe(true);
  for (const subject of [subjects.people(shard, conversation), subjects.post(shard, conversation)])
    expect(isLookedAt(subject)).toBe(false);
  expect(isLookedAt(subjects.change(shard, conversation, ""))).toBe(false);
  expect(toldOf(turn).slice(1)).toEqual([
    { role: "user", content: "Hello." },
    { role: "assistant", content: "Answer of 2" },
    { role: "user", content: "And now?" },
  ]);
  expect(toldOf(turn)[0]?.content).not.toContain("several people");
  expect(JSON.stringify(end)).not.toContain("author");
  const progress = (await bench.events(turn)).filter(({ event }) => event.type === "progress");
  expect(JSON.stringify(progress)).not.toContain('"name"');
});
