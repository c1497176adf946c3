import type { Conversation } from "@parley/client";
import { textOf, type ConversationView } from "@parley/protocol";
import { newestMessages } from "@parley/protocol/branches";
import { eventually, startSystem, type Service, type System } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";
import { startModelStub, type ModelStub } from "./model-stub.ts";
import { devToken, person } from "./person.ts";

const Page = z.object({
  messages: z.array(
    z.object({
      turn_id: z.string(),
      message: z.string(),
      parent: z.string().nullish(),
      siblings: z.array(z.string()).optional(),
    }),
  ),
  before: z.string().optional(),
});

const Items = z.object({
  data: z.array(z.object({ content: z.array(z.object({ text: z.string() })).optional() })),
  has_more: z.boolean(),
  last_id: z.string().nullable(),
});
const Tasks = z.object({
  result: z.object({ tasks: z.array(z.object({ id: z.string() })), nextPageToken: z.string() }),
});

let model: ModelStub;

beforeAll(async () => {
  model = await startModelStub(({ question, round }) =>
    question.startsWith("long") && round === 0
      ? { text: "so far", hangs: true }
      : question.startsWith("slow") && round === 1
        ? { text: "so slow", hangs: true }
        : { text: `${question}, answer ${round + 1}` },
  );
});
afterAll(() => model[Symbol.asyncDispose]());

async function call(
  edge: Service,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Response> {
  const authorization = `Bearer ${await devToken(edge, "anna")}`;
  const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  return fetch(`http://127.0.0.1:${edge.port}${path}`, {
    ...sent,
    headers: { authorization, "content-type": "application/json", ...headers },
  });
}

async function pageOf(edge: Service, conversation: string, query = "") {
  const response = await call(edge, `/api/v1/conversations/${conversation}/messages${query}`);
  return Page.parse(await response.json());
}

const textsOf = ({ messages: all }: z.infer<typeof Page>): string[] => all.map(({ message }) => message);
const shown = (view: ConversationView): string[] => newestMessages(view).map(({ parts }) => textOf(parts));

describe.each([1, 2])("branches, in records of version %s", (format) => {
  let system: System;
  let edge: Service;

  beforeAll(async () => {
    const worker = {
      OPENAI_BASE_URL: model.url,
      RECORD_FORMAT: String(format),
      ACK_WAIT_MS: "2000",
      TOOLS_WAIT_MS: "100",
    };
    system = await startSystem({ edges: 2, agentWorkers: 2, toolWorkers: 0, env: { "agent-worker": worker } });
    edge = system.edges[0]!;
  });
  afterAll(() => system[Symbol.asyncDispose]());

  const q = (text: string): string => `${text} ${format}`;

  async function ask(chat: Conversation, text: string, options = {}) {
    const { turn_id } = await chat.send(q(text), options);
    await chat.untilEnd(turn_id);
    return turn_id;
  }

  it("an answer is given once more, and neither the model nor a reader sees the earlier one", async () => {
    using anna = await person(edge);
    const chat = anna.conversation();
    const first = await ask(chat, "one");
    const second = await ask(chat, "two");
    const path = `/api/v1/conversations/${chat.id}/regenerate`;
    const key = { "idempotency-key": "again" };
    const answers = await Promise.all(
      [0, 1].map(async () => (await call(edge, path, { message_id: `${second}-a` }, key)).json()),
    );
    expect(answers[0]).toMatchObject({ response: `${q("two")}, answer 2` });
    expect(answers[1]).toEqual(answers[0]);
    expect(model.asked.at(-1)?.said).toEqual([q("one"), `${q("one")}, answer 1`, q("two")]);

    const path3 = [q("one"), `${q("one")}, answer 1`, q("two"), `${q("two")}, answer 2`];
    await eventually(() => shown(chat.view).join() === path3.join(), { what: "the new answer in its place" });
    const page = await pageOf(edge, chat.id);
    expect(textsOf(page)).toEqual(path3);
    const again = page.messages.at(-1)?.turn_id;
    expect(page.messages[2]).toMatchObject({ parent: first, siblings: [second, again] });
    // Whoever comes new, and the earlier answer for who asks for it.
    using other = await person(system.edges[1]!);
    const there = other.conversation(chat.id);
    await there.subscribe();
    await eventually(() => shown(there.view).join() === path3.join(), { what: "the newest branch in a snapshot" });
    expect(newestMessages(there.view).at(-1)?.siblings).toEqual([second, again]);
    expect(textsOf(await pageOf(edge, chat.id, `?branch=${second}`)).at(-1)).toBe(`${q("two")}, answer 1`);
    expect((await call(edge, `/api/v1/conversations/${chat.id}/messages?branch=nobody`)).status).toBe(404);
    const nobody = await call(edge, `/api/v1/conversations/${chat.id}/messages?leaf=nobody`);
    expect([nobody.status, await nobody.text()]).toEqual([404, expect.stringContaining("There is no such turn")]);
  });

  it("lists of other protocols have the newest branch alone, however small their pages are", async () => {
    using anna = await person(edge);
    const chat = anna.conversation();
    const first = await ask(chat, "uno");
    const second = await ask(chat, "due");
    await ask(chat, "tre");
    const again = await ask(chat, "DUE", { supersedes: second });
    const newest = await ask(chat, "quattro");

    for (const limit of [1, 2, 3, 100]) {
      const texts: string[] = [];
      for (let after = ""; ;) {
        const query = `limit=${limit}${after === "" ? "" : `&after=${after}`}`;
        const page = Items.parse(await (await call(edge, `/v1/conversations/${chat.id}/items?${query}`)).json());
        texts.push(...page.data.flatMap(({ content = [] }) => content.map(({ text }) => text)));
        if (!page.has_more) break;
        after = page.last_id ?? "";
      }
      const said = ["quattro", "DUE", "uno"].flatMap((text) => [`${q(text)}, answer 1`, q(text)]);
      expect(texts).toEqual(said);
    }
    for (const pageSize of [1, 2, 100]) {
      const tasks: string[] = [];
      for (let pageToken = ""; ;) {
        const params = { contextId: chat.id, pageSize, pageToken };
        const body = { jsonrpc: "2.0", id: 1, method: "ListTasks", params };
        const answer = await (await call(edge, "/a2a", body, { "a2a-version": "1.0" })).json();
        const { result } = Tasks.parse(answer);
        tasks.push(...result.tasks.map(({ id }) => id.split(".")[0] ?? ""));
        if (result.nextPageToken === "") break;
        pageToken = result.nextPageToken;
      }
      expect(tasks).toEqual([newest, again, first]);
    }
  });

  it("a message is changed and sent again, older branches go on, and pages follow one branch", async () => {
    using anna = await person(edge);
    const chat = anna.conversation();
    const turns = [];
    for (const text of ["a", "b", "c"]) turns.push(await ask(chat, text));
    const [a = "", b = ""] = turns;
    const edited = await ask(chat, "A", { supersedes: a });
    expect(model.asked.at(-1)?.said).toEqual([q("A")]);
    expect(shown(chat.view)).toEqual([q("A"), `${q("A")}, answer 1`]);
    await ask(chat, "d");
    expect(model.asked.at(-1)?.said).toEqual([q("A"), `${q("A")}, answer 1`, q("d")]);
    // Back to the first branch, behind its second turn.
    const back = await ask(chat, "e", { parent: b });
    const lead = ["a", "b"].flatMap((text) => [q(text), `${q(text)}, answer 1`]);
    expect(model.asked.at(-1)?.said).toEqual([...lead, q("e")]);
    expect(textsOf(await pageOf(edge, chat.id))).toEqual([...lead, q("e"), `${q("e")}, answer 1`]);
    expect((await pageOf(edge, chat.id)).messages[4]?.siblings).toEqual([turns[2], back]);

    const newest = await pageOf(edge, chat.id, "?limit=2");
    expect(newest.messages.map(({ turn_id }) => turn_id)).toEqual([back, back]);
    const older = await pageOf(edge, chat.id, `?limit=2&before=${encodeURIComponent(newest.before ?? "")}`);
    expect(older.messages.map(({ turn_id }) => turn_id)).toEqual([b, b]);
    const oldest = await pageOf(edge, chat.id, `?limit=2&before=${encodeURIComponent(older.before ?? "")}`);
    expect(oldest.messages.map(({ turn_id }) => turn_id)).toEqual([a, a]);
    expect(oldest.messages[0]?.siblings).toEqual([a, edited]);
    expect(oldest.before).toBeUndefined();
    expect(textsOf(await pageOf(edge, chat.id, `?branch=${edited}`))).toContain(`${q("d")}, answer 1`);

    using other = await person(system.edges[1]!);
    const there = other.conversation(chat.id);
    await there.subscribe();
    const all = [...lead, q("e"), `${q("e")}, answer 1`];
    await eventually(() => shown(there.view).join() === all.join(), { what: "the branch of the newest turn" });
  });

  it("an answer that runs is made again only by stopping it", async () => {
    using anna = await person(edge);
    const chat = anna.conversation();
    const first = await ask(chat, "one more");
    const { turn_id } = await chat.send(q("long"));
    await eventually(() => shown(chat.view).includes("so far"), { what: "an answer that runs" });
    const frames: z.infer<typeof Told>[] = [];
    const Told = z.object({ type: z.string(), code: z.string().optional(), turn_id: z.string().optional() }).loose();
    const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/ws/chat`);
    socket.on("message", (data: Buffer) => frames.push(Told.parse(JSON.parse(data.toString()))));
    await new Promise((resolve) => socket.once("open", resolve));
    const send = (frame: object): void => socket.send(JSON.stringify(frame));
    const came = (type: string) => frames.find((frame) => frame.type === type);
    send({ type: "auth", token: await devToken(edge, "anna") });
    const wish = { type: "regenerate", conversation_id: chat.id, message_id: `${turn_id}-a` };
    send({ ...wish, id: "r1" });
    await eventually(() => came("error") !== undefined, { what: "a refusal" });
    expect(came("error")).toMatchObject({ code: "CONFLICT", id: "r1", frame: "regenerate" });
    send({ ...wish, id: "r2", on_busy: "interrupt" });
    await eventually(() => came("accepted") !== undefined, { what: "that it was accepted" });
    const again = came("accepted")?.turn_id ?? "";
    socket.close();
    expect((await chat.untilEnd(turn_id)).type).toBe("cancelled");
    expect((await chat.untilEnd(again)).response).toBe(`${q("long")}, answer 2`);
    expect((await pageOf(edge, chat.id)).messages[2]).toMatchObject({ parent: first, siblings: [turn_id, again] });
  });

  it("a worker that is killed in mid-answer is followed by one that has the same branch", async () => {
    using anna = await person(edge);
    const chat = anna.conversation();
    const first = await ask(chat, "begin");
    const second = await ask(chat, "slow");
    await ask(chat, "end");
    // The model hangs the second time that it gets this question.
    const { turn_id } = await chat.send(q("slow"), { supersedes: second });
    await eventually(() => shown(chat.view).includes("so slow"), { what: "an answer that hangs", timeoutMs: 20_000 });
    const before = model.asked.length;
    for (const worker of system.agentWorkers.slice(0, 2)) {
      await system.add("agent-worker");
      await worker.kill("SIGKILL");
    }
    expect((await chat.untilEnd(turn_id)).response).toBe(`${q("slow")}, answer 3`);
    const said = [q("begin"), `${q("begin")}, answer 1`, q("slow")];
    expect(model.asked.slice(before).map((asked) => asked.said)).toContainEqual(said);
    const page = await pageOf(edge, chat.id);
    expect(page.messages[2]).toMatchObject({ turn_id, parent: first, siblings: [second, turn_id] });
  });

  it("nobody else's, nothing that is not there, and no message in its own place", async () => {
    using anna = await person(edge);
    const chat = anna.conversation();
    const turn = await ask(chat, "mine", { id: "m1" });
    const path = `/api/v1/conversations/${chat.id}/regenerate`;
    const codeOf = async (answer: Response): Promise<unknown> =>
      z.object({ code: z.string() }).parse(await answer.json()).code;
    expect(await codeOf(await call(edge, path, { message_id: "nothing-a" }))).toBe("NOT_FOUND");
    expect(await codeOf(await call(edge, path, { message_id: `${turn}-a`, id: "m1" }))).toBe("CONFLICT");
    const bob = await fetch(`http://127.0.0.1:${edge.port}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${await devToken(edge, "bob")}`, "content-type": "application/json" },
      body: JSON.stringify({ message_id: `${turn}-a` }),
    });
    expect(await codeOf(bob)).toBe("FORBIDDEN");
    await expect(chat.send("x", { supersedes: "nothing" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(chat.send("x", { supersedes: turn, parent: turn })).rejects.toMatchObject({ code: "CONFLICT" });
    // The same id for another place is another message.
    await ask(chat, "mine", { id: "m2", supersedes: turn });
    await expect(chat.send(q("mine"), { id: "m2" })).rejects.toMatchObject({ code: "CONFLICT" });
  });
});
