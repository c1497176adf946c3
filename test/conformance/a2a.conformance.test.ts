import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { hasClients, runClient, type ClientLine, type ClientRun } from "./client-run.ts";
import { runExample } from "./page-example.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

const Part = z.looseObject({ text: z.string().optional(), data: z.unknown().optional() });
const Message = z.looseObject({
  messageId: z.string(),
  role: z.string(),
  parts: z.array(Part),
  metadata: z.unknown().optional(),
});
const Status = z.looseObject({ state: z.string(), message: Message.optional() });
const Artifact = z.looseObject({ artifactId: z.string(), parts: z.array(Part) });
const Task = z.looseObject({
  id: z.string(),
  contextId: z.string(),
  status: Status,
  artifacts: z.array(Artifact).optional(),
  history: z.array(Message).optional(),
  metadata: z.unknown().optional(),
});
type Task = z.infer<typeof Task>;
const StatusUpdate = z.looseObject({ taskId: z.string(), status: Status, metadata: z.unknown().optional() });
const ArtifactUpdate = z.looseObject({ taskId: z.string(), artifact: Artifact, append: z.boolean().optional() });

/** What a client has of a task, folded as the specification says. */
interface Held {
  task: Task | undefined;
  state: string;
  text: string;
  readonly messages: z.infer<typeof Message>[];
  metadata: unknown;
}

const textOf = (parts: readonly z.infer<typeof Part>[]): string => parts.map(({ text }) => text ?? "").join("");

const answerOf = ({ artifacts = [] }: Task): string => textOf(artifacts.flatMap(({ parts }) => parts));
const messagesOf = ({ history = [], status }: Task): z.infer<typeof Message>[] => [
  ...history,
  ...(status.message ? [status.message] : []),
];

function fold(lines: readonly ClientLine[], as: string): Held {
  const held: Held = { task: undefined, state: "", text: "", messages: [], metadata: undefined };
  for (const line of lines) {
    if (line.type === `${as}.task`) {
      const task = Task.parse(line["task"]);
      Object.assign(held, { task, state: task.status.state, text: answerOf(task) });
      held.metadata = task.metadata;
      held.messages.push(...messagesOf(task));
    } else if (line.type === `${as}.statusUpdate`) {
      const { status, metadata } = StatusUpdate.parse(line["statusUpdate"]);
      held.state = status.state;
      if (status.message) held.messages.push(status.message);
      held.metadata = metadata ?? held.metadata;
    } else if (line.type === `${as}.artifactUpdate`) {
      const { artifact, append } = ArtifactUpdate.parse(line["artifactUpdate"]);
      held.text = append === true ? held.text + textOf(artifact.parts) : textOf(artifact.parts);
    }
  }
  return held;
}

const message = (text: string, more: object = {}): object => ({ messageId: randomUUID(), parts: [{ text }], ...more });

describe.skipIf(!hasClients)("A2A 1.0 (@a2a-js/sdk 1.3.0)", () => {
  let world: ConformanceWorld;
  beforeAll(async () => {
    world = await startConformanceWorld();
  }, 60_000);
  afterAll(() => world[Symbol.asyncDispose]());

  const start = async (url = world.url): Promise<ClientRun> => {
    const client = runClient("a2a", { input: { url, token: await world.token() } });
    await client.until("ready");
    return client;
  };
  const ask = async (client: ClientRun, as: string, command: object): Promise<ClientLine> => {
    client.tell({ as, ...command });
    return client.until(`${as}.done`);
  };
  const streamed = async (client: ClientRun, as: string, text: string): Promise<Held> => {
    await ask(client, as, { do: "stream", message: message(text) });
    return fold(client.lines, as);
  };

  test("text: a stream begins with the task and brings the whole answer as one artifact", async () => {
    const client = await start();
    const held = await streamed(client, "a", asks.numbered(40));
    expect(client.lines.find(({ type }) => type.startsWith("a."))?.type).toBe("a.task");
    expect(held).toMatchObject({ state: "TASK_STATE_COMPLETED", text: numberedWords(40) });
    const { task } = await ask(client, "b", { do: "get", id: held.task?.id });
    const stored = Task.parse(task);
    expect(textOf(stored.artifacts?.[0]?.parts ?? [])).toBe(numberedWords(40));
    expect(stored.history?.[0]).toMatchObject({ role: "ROLE_USER" });
  });

  test("text: a message that waits for its answer gets the task as it ended; the same message again is the same task", async () => {
    const client = await start();
    const said = message(asks.numbered(7));
    const first = Task.parse((await ask(client, "a", { do: "send", message: said }))["task"]);
    const again = Task.parse((await ask(client, "b", { do: "send", message: said }))["task"]);
    expect(first.status.state).toBe("TASK_STATE_COMPLETED");
    expect(textOf(first.artifacts?.[0]?.parts ?? [])).toBe(numberedWords(7));
    expect(again).toMatchObject({ id: first.id, contextId: first.contextId, artifacts: first.artifacts });
  });

  test("text: a context of the client's own name keeps that name, and is one conversation", async () => {
    const client = await start();
    const contextId = `urn:trip ${randomUUID()}`;
    for (const as of ["a", "b"]) await ask(client, as, { do: "send", message: message("hi", { contextId }) });
    const ids = ["a", "b"].map((as) => Task.parse(client.lines.find(({ type }) => type === `${as}.done`)?.["task"]));
    expect(ids.map((task) => task.contextId)).toEqual([contextId, contextId]);
    const { task } = await ask(client, "c", { do: "get", id: ids[0]?.id });
    expect(Task.parse(task).contextId).toBe(contextId);
    const listed = await ask(client, "d", { do: "list", params: { contextId } });
    expect(
      z
        .array(Task)
        .parse(listed["tasks"])
        .map(({ id }) => id),
    ).toEqual([ids[1]?.id, ids[0]?.id]);
  });

  test("reasoning: is a message beside the answer", async () => {
    const client = await start();
    const { state, messages, text } = await streamed(client, "a", asks.reasoning);
    expect(state).toBe("TASK_STATE_COMPLETED");
    const reasoning = messages.filter(({ metadata }) => isKind(metadata, "reasoning"));
    expect(reasoning).toHaveLength(1);
    expect(text).not.toContain(textOf(reasoning[0]?.parts ?? []));
  });

  test("tools: a call and its result are messages with their data", async () => {
    const client = await start();
    const { state, messages } = await streamed(client, "a", asks.tool);
    expect(state).toBe("TASK_STATE_COMPLETED");
    expect(messages.filter(({ metadata }) => isKind(metadata, "tool_call"))).toHaveLength(1);
    const [result] = messages.filter(({ metadata }) => isKind(metadata, "tool_result"));
    expect(result?.parts[1]?.data).toMatchObject({ tool_result: { tool_name: "k8s_list_pods", status: "completed" } });
  });

  test("parallel tools: each call has its own result", async () => {
    const client = await start();
    const { messages } = await streamed(client, "a", asks.parallelTools);
    const about = (kind: string): string[] =>
      messages
        .filter(({ metadata }) => isKind(metadata, kind))
        .map(({ messageId }) => messageId.replace(/-\w+-t/, "-t"));
    expect(new Set(about("tool_call")).size).toBe(2);
    expect(new Set(about("tool_result")).size).toBe(2);
  });

  test("progress: is told while the task works", async () => {
    const client = await start();
    const { messages } = await streamed(client, "a", asks.tool);
    expect(messages.filter(({ metadata }) => isKind(metadata, "progress")).length).toBeGreaterThan(0);
  });

  test("usage: is in the metadata of the end", async () => {
    const client = await start();
    const { metadata } = await streamed(client, "a", asks.numbered(5));
    expect(metadata).toMatchObject({ usage: { output_tokens: expect.any(Number) } });
  });

  test("error: a task that failed says why, and whether to try again", async () => {
    const client = await start();
    const { state, messages } = await streamed(client, "a", asks.error);
    expect(state).toBe("TASK_STATE_FAILED");
    expect(messages.at(-1)?.parts[1]?.data).toMatchObject({ error: { retryable: expect.any(Boolean) } });
  });

  test("error: what there is not, what has ended and what is not spoken are the specification's errors", async () => {
    const client = await start();
    const { task } = await ask(client, "a", { do: "send", message: message("hi") });
    const { id } = Task.parse(task);
    const failures = { get: "x.y", cancel: id, subscribe: id, push: id };
    for (const [verb, of] of Object.entries(failures)) client.tell({ as: verb, do: verb, id: of });
    const names = await Promise.all(
      Object.keys(failures).map(async (verb) => [verb, (await client.until(`${verb}.failed`))["name"]]),
    );
    expect(Object.fromEntries(names)).toEqual({
      get: "JsonRpcTaskNotFoundError",
      cancel: "JsonRpcTaskNotCancelableError",
      subscribe: "JsonRpcUnsupportedOperationError",
      push: "PushNotificationNotSupportedError",
    });
  });

  test("stop: a cancelled task is told as cancelled to whoever looks, with the text so far", async () => {
    const client = await start();
    client.tell({ as: "a", do: "stream", message: message(asks.numbered(2_000, 50)) });
    await client.until("a.artifactUpdate");
    const id = fold(client.lines, "a").task?.id;
    const { task } = await ask(client, "b", { do: "cancel", id });
    expect(Task.parse(task).status.state).toBe("TASK_STATE_CANCELED");
    await client.until("a.done");
    const held = fold(client.lines, "a");
    expect(held.state).toBe("TASK_STATE_CANCELED");
    expect(held.text).toBe(textOf(Task.parse(task).artifacts?.[0]?.parts ?? []));
  });

  test("approval: a task asks for input; only a decision as data lets the call run, never words", async () => {
    const client = await start();
    const asked = await streamed(client, "a", asks.approval);
    expect(asked.state).toBe("TASK_STATE_INPUT_REQUIRED");
    const taskId = asked.task?.id;
    const yes = await ask(client, "b", { do: "send", message: message("yes, please do, approved", { taskId }) });
    expect(Task.parse(yes["task"]).status.state).toBe("TASK_STATE_INPUT_REQUIRED");
    const decided = await ask(client, "c", {
      do: "send",
      message: { messageId: randomUUID(), taskId, parts: [{ data: { approved: true } }] },
    });
    const task = Task.parse(decided["task"]);
    expect(task.status.state).toBe("TASK_STATE_COMPLETED");
    const results = task.history?.filter(({ metadata }) => isKind(metadata, "tool_result"));
    expect(results?.[0]?.parts[1]?.data).toMatchObject({ tool_result: { status: "completed" } });
    // Whoever lost the answer sends it again, and whoever thinks otherwise now is told.
    const again = { messageId: randomUUID(), taskId, parts: [{ data: { approved: true } }] };
    const repeated = await ask(client, "d", { do: "send", message: again });
    expect(Task.parse(repeated["task"])).toMatchObject({ id: taskId, status: { state: "TASK_STATE_COMPLETED" } });
    client.tell({ as: "e", do: "send", message: { ...again, parts: [{ data: { approved: false } }] } });
    expect((await client.until("e.failed"))["message"]).toContain("decided before");
  });

  test("approval: a denial in a stream goes on with the task, and the call does not run", async () => {
    const client = await start();
    const asked = await streamed(client, "a", asks.approval);
    const said = {
      messageId: randomUUID(),
      taskId: asked.task?.id,
      parts: [{ data: { approved: false, reason: "no" } }],
    };
    await ask(client, "b", { do: "stream", message: said });
    const held = fold(client.lines, "b");
    expect(held.state).toBe("TASK_STATE_COMPLETED");
    const [result] = held.messages.filter(({ metadata }) => isKind(metadata, "tool_result"));
    expect(result?.parts[1]?.data).toMatchObject({ tool_result: { status: "denied" } });
  });

  test("resume: after a cut a new subscription begins with the task as it stands, and nothing is lost or twice", async () => {
    const client = await start(world.proxyUrl);
    client.tell({ as: "a", do: "stream", message: message(asks.numbered(300, 100)) });
    await client.until("a.artifactUpdate");
    world.proxy.sever();
    await client.until("a.failed");
    world.proxy.heal();
    const id = fold(client.lines, "a").task?.id;
    await ask(client, "b", { do: "subscribe", id });
    expect(client.lines.find(({ type }) => type.startsWith("b."))?.type).toBe("b.task");
    expect(fold(client.lines, "b")).toMatchObject({ state: "TASK_STATE_COMPLETED", text: numberedWords(300) });
  });

  test("resume: two streams of one task are told the same in the same order", async () => {
    const client = await start();
    client.tell({ as: "a", do: "stream", message: message(asks.numbered(300, 100)) });
    await client.until("a.artifactUpdate");
    await ask(client, "b", { do: "subscribe", id: fold(client.lines, "a").task?.id });
    await client.until("a.done");
    expect(fold(client.lines, "b").text).toBe(fold(client.lines, "a").text);
    expect(fold(client.lines, "b").state).toBe("TASK_STATE_COMPLETED");
  });

  test("takeover: workers are killed in mid-answer, and nothing is lost or twice", async () => {
    const client = await start();
    client.tell({ as: "a", do: "stream", message: message(asks.numbered(60, 20)) });
    await client.until("a.artifactUpdate");
    for (const worker of world.system.agentWorkers) await worker.restart();
    await client.until("a.done");
    expect(fold(client.lines, "a")).toMatchObject({ state: "TASK_STATE_COMPLETED", text: numberedWords(60) });
  });

  test("error: a context whose queue is full turns a message down as a rejected task", async () => {
    const client = await start();
    const contextId = `full ${randomUUID()}`;
    const configuration = { returnImmediately: true };
    const states: string[] = [];
    for (let n = 0; n < 9; n++) {
      const said = message(asks.numbered(2_000, 20), { contextId });
      const { task } = await ask(client, `m${n}`, { do: "send", message: said, configuration });
      states.push(Task.parse(task).status.state);
    }
    expect(states.at(-1)).toBe("TASK_STATE_REJECTED");
    expect(states.slice(0, 8)).not.toContain("TASK_STATE_REJECTED");
    const { tasks } = await ask(client, "list", { do: "list", params: { contextId } });
    const open = z.array(Task).parse(tasks);
    expect(open).toHaveLength(8);
    for (const [n, { id }] of open.entries()) client.tell({ as: `c${n}`, do: "cancel", id });
    await Promise.all(open.map((_, n) => client.until(`c${n}.done`)));
  });

  const post = async (body: string, headers: Record<string, string> = {}): Promise<unknown> => {
    const authorization = `Bearer ${await world.token()}`;
    const all = { "content-type": "application/json", "a2a-version": "1.0", authorization, ...headers };
    return (await fetch(`${world.url}/a2a`, { method: "POST", headers: all, body })).json();
  };
  const rpc = (method: string, params?: object): string => JSON.stringify({ jsonrpc: "2.0", id: 5, method, params });

  test.each([
    ["no JSON", "{", {}, null, -32_700],
    ["a batch", `[${rpc("GetTask")}]`, {}, null, -32_600],
    ["no id", JSON.stringify({ jsonrpc: "2.0", method: "GetTask" }), {}, null, -32_600],
    ["no such method", rpc("tasks/get"), {}, 5, -32_601],
    ["a name of every object", rpc("constructor"), {}, 5, -32_601],
    ["no parameters", rpc("GetTask"), {}, 5, -32_602],
    ["another version", rpc("GetTask"), { "a2a-version": "0.3" }, 5, -32_009],
    ["no version", rpc("GetTask"), { "a2a-version": "" }, 5, -32_009],
    ["a wrong token", rpc("GetTask"), { authorization: "Bearer x" }, null, -32_000],
  ])("error: %s is told in the form of JSON-RPC", async (_what, body, headers, id, code) => {
    expect(await post(body, headers)).toMatchObject({
      jsonrpc: "2.0",
      id,
      error: { code, message: expect.any(String) },
    });
  });

  test("error: somebody else's task does not exist", async () => {
    const client = await start();
    const { id } = Task.parse((await ask(client, "a", { do: "send", message: message("hi") }))["task"]);
    const authorization = `Bearer ${await world.token("bob")}`;
    for (const method of ["GetTask", "CancelTask", "SubscribeToTask"])
      expect(await post(rpc(method, { id }), { authorization })).toMatchObject({ error: { code: -32_001 } });
    const said = { messageId: "x", role: "ROLE_USER", taskId: id, parts: [{ data: { approved: true } }] };
    const reply = rpc("SendMessage", { message: said });
    expect(await post(reply, { authorization })).toMatchObject({ error: { code: -32_001 } });
  });

  test("text: the card has a skill for each agent, and a card of one has its tenant", async () => {
    const card = z.looseObject({
      skills: z.array(z.looseObject({ id: z.string() })).min(1),
      supportedInterfaces: z.tuple([z.looseObject({ url: z.url(), tenant: z.string().optional() })]),
    });
    const fetched = await fetch(`${world.url}/.well-known/agent-card.json`);
    const { skills, supportedInterfaces } = card.parse(await fetched.json());
    expect(supportedInterfaces[0]).toMatchObject({ url: `${world.url}/a2a`, protocolVersion: "1.0" });
    const again = { headers: { "if-none-match": fetched.headers.get("etag") ?? "" } };
    expect((await fetch(`${world.url}/.well-known/agent-card.json`, again)).status).toBe(304);
    const one = await fetch(`${world.url}/.well-known/agent-card.json?agent=${skills[0]?.id}`);
    expect(card.parse(await one.json()).supportedInterfaces[0].tenant).toBe(skills[0]?.id);
  });

  test("text: the page's own example runs as it stands", async () => {
    const example = await runExample("a2a.md", world.url);
    expect(await example.ended).toBe(0);
    expect(example.output()).toContain("TASK_STATE_COMPLETED");
  });

  test("resume: an edge is killed in mid-answer, and another one has the whole", async () => {
    const [, dying] = world.edges;
    const [client, other] = [await start(`http://127.0.0.1:${dying.port}`), await start()];
    client.tell({ as: "a", do: "stream", message: message(asks.numbered(120, 40)) });
    await client.until("a.artifactUpdate");
    await dying.kill("SIGKILL");
    await client.until("a.failed");
    await ask(other, "b", { do: "subscribe", id: fold(client.lines, "a").task?.id });
    expect(fold(other.lines, "b")).toMatchObject({ state: "TASK_STATE_COMPLETED", text: numberedWords(120) });
    await dying.restart();
  });
});

function isKind(metadata: unknown, kind: string): boolean {
  return z.looseObject({ kind: z.literal(kind) }).safeParse(metadata).success;
}
