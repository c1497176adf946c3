import { readFile } from "node:fs/promises";
import path from "node:path";
import { pendingApprovals, streams, subjects, wakeConsumer, type FactOf } from "@parley/protocol";
import {
  eventually,
  startSystem,
  tempDir,
  type Broker,
  type Service,
  type System,
  type SystemOptions,
} from "@parley/testkit";
import { expect, it } from "vitest";
import { z } from "zod";
import { devToken, person } from "../e2e/person.ts";
import { passwordOf, startNatsWithRoles, type Role } from "./nats-with-roles.ts";
import { plainNats } from "./plain-nats.ts";

const forged = "forged";
const own = {
  turns: subjects.turns("c1"),
  user: subjects.user(0, "c1", "t1"),
  agent: subjects.agent(0, "c1", "t1"),
  control: subjects.control(0, "c1", "t1"),
  toolResult: subjects.toolResult(0, "c1", "t1", "call1"),
  toolBegun: subjects.toolBegun(0, "c1", "t1", "call1"),
  toolProgress: subjects.toolProgress(0, "c1", "t1", "call1"),
  mark: subjects.mark(0, "c1", "t1", 17),
  log: subjects.log(0, "c1"),
  owner: subjects.owner(0, "c1"),
  title: subjects.title(0, "c1"),
  feedback: subjects.feedback(0, "c1"),
  revoked: subjects.revoked("h1"),
  token: subjects.token("h1"),
  connection: subjects.connection("h1"),
  titleEvent: subjects.titleEvent(0, "c1"),
  changedMessage: subjects.changedMessage(0, "c1", "t1"),
  textFact: subjects.fact(0, "c1", "t1", { kind: "text" }),
  said: subjects.fact(0, "c1", "t1", { kind: "said" }),
  cancelFact: subjects.fact(0, "c1", "t1", { kind: "cancel" }),
  begunFact: subjects.fact(0, "c1", "t1", { kind: "begun", call: "call1" }),
  resultFact: subjects.fact(0, "c1", "t1", { kind: "result", call: "call1" }),
  askedFact: subjects.fact(0, "c1", "t1", { kind: "asked", call: "call1" }),
  decidedFact: subjects.fact(0, "c1", "t1", { kind: "decided", call: "call1" }),
  waitFact: subjects.fact(0, "c1", "t1", { kind: "wait" }),
  ackFact: subjects.fact(0, "c1", "t1", { kind: "ack" }),
  approvalRequired: subjects.approvalRequired(0, "c1", "t1", "call1"),
  approvalDecided: subjects.approvalDecided(0, "c1", "t1", "call1"),
  auditAsked: subjects.audit("asked", "_", "c1"),
  auditRun: subjects.audit("run", "_", "c1"),
  auditDecided: subjects.audit("decided", "_", "c1"),
  auditAdmin: subjects.auditAdmin("block"),
  summary: subjects.summary(0, "c1"),
  handover: subjects.handover(0, "c1"),
  handoverEvent: subjects.handoverEvent(0, "c1"),
  memory: subjects.memory("h1"),
  usage: subjects.usage("_", "ann"),
  documentList: subjects.documentList("_"),
  documentPart: subjects.documentPart("_", "v1", 0),
  documentQuestion: subjects.documentQuestion,
  documentAnswer: subjects.documentAnswer("edge1", "q1"),
  workshopDay: subjects.workshopDay("_", "2026-11-30"),
  live: `${subjects.liveOf(0, "c1").slice(0, -1)}t1.a`,
} as const;
type Kind = keyof typeof own;

/** Titles, and what becomes of messages that wait. */
const named = ["title", "titleEvent", "changedMessage", "textFact"] as const;
/** What edges and agent workers both write beside turns. */
const beside = ["summary", "handover", "handoverEvent", "memory"] as const;

const mayPublish: Record<Exclude<Role, "operator">, readonly Kind[]> = {
  edge: [
    ...(["turns", "user", "control", "mark", "owner", "said", "cancelFact", "approvalDecided", "decidedFact"] as const),
    ...named,
    ...(["revoked", "connection", "feedback", "auditDecided", "auditAdmin"] as const),
    ...beside,
    ...(["documentList", "documentPart", "documentQuestion"] as const),
  ],
  agent: [
    ...(["user", "agent", "toolResult", "toolBegun", "log", "said", "begunFact", "resultFact"] as const),
    ...(["approvalDecided", "decidedFact", "waitFact", "ackFact"] as const),
    ...named,
    ...beside,
    ...(["usage", "documentAnswer"] as const),
  ],
  tool: [
    ...([
      "toolResult",
      "toolBegun",
      "toolProgress",
      "begunFact",
      "resultFact",
      "askedFact",
      "approvalRequired",
    ] as const),
    ...(["auditAsked", "auditRun", "token", "connection", "workshopDay"] as const),
  ],
  auditor: [],
};

const StreamInfo = z.object({ state: z.object({ messages: z.number() }) });

/** The three processes, each signed in as its role. */
function startRoles(
  nats: Broker,
  { tools = {}, ...options }: SystemOptions & { tools?: Record<string, string> } = {},
): Promise<System> {
  const urlOf = (role: Role): string => `nats://${role}:${passwordOf(role)}@127.0.0.1:${nats.port}`;
  return startSystem({
    ...options,
    env: {
      edge: { NATS_URL: urlOf("edge") },
      "agent-worker": { NATS_URL: urlOf("agent"), OPENAI_MODEL: "parley-simulated-fast", TITLES: "first-answer" },
      "tool-worker": { NATS_URL: urlOf("tool"), ...tools },
    },
  });
}

async function storedIn(nats: Broker, stream: string): Promise<number> {
  await using operator = await plainNats(nats, "operator");
  return StreamInfo.parse(JSON.parse(await operator.ask(`$JS.API.STREAM.INFO.${stream}`))).state.messages;
}

async function makeStreams(nats: Broker): Promise<void> {
  const said = [subjects.allTitles(0), subjects.allFeedback(0), subjects.allSummaries(0)];
  await using operator = await plainNats(nats, "operator");
  for (const config of [
    { name: streams.turns, subjects: [subjects.allTurns] },
    { name: streams.events(0), subjects: [subjects.allEvents(0)], allow_direct: true },
    { name: streams.log(0), subjects: [subjects.allLog(0), subjects.allOwners(0), ...said] },
    { name: streams.facts(0), subjects: [subjects.allFacts(0)], allow_direct: true },
    { name: streams.tokens, subjects: [subjects.allTokens] },
    { name: streams.connections, subjects: [subjects.allConnections] },
    { name: streams.memory, subjects: [subjects.allMemories], allow_direct: true },
    { name: streams.gate, subjects: [subjects.allRevoked], allow_direct: true },
    { name: streams.audit, subjects: [subjects.allAudit], allow_direct: true },
  ]) {
    await operator.ask(`$JS.API.STREAM.CREATE.${config.name}`, JSON.stringify({ storage: "file", ...config }));
  }
}

/** All that a conversation can ask of the broker: a tool call, reading on another device, a change of what waits, a title, a cancel, feedback, a deletion. */
async function live(edge: Service): Promise<void> {
  using anna = await person(edge);
  const chat = anna.conversation();
  const asked = await chat.send("list all pods");
  const answered = await chat.untilEnd(asked.turn_id);
  expect(answered).toMatchObject({ type: "complete", tool_calls: [{ status: "completed" }] });

  using elsewhere = await person(edge);
  const same = elsewhere.conversation(chat.id);
  await same.subscribe();
  expect(JSON.stringify([...same.view.turns, ...same.view.transcript])).toContain("14 pods");
  const endless = await chat.send("hello\n/sim tokens=3000 rate=30");
  const waits = await chat.send("as it was sent");
  const other = await chat.send("not wanted");
  await same.changeQueued(waits.turn_id, "what is wanted");
  await same.takeBack(other.turn_id);
  await same.setTitle("A title");
  same.cancel(endless.turn_id);
  expect(await chat.untilEnd(endless.turn_id)).toMatchObject({ type: "cancelled" });

  expect((await chat.untilEnd(waits.turn_id)).response).toContain("what is wanted");

  const url = `http://127.0.0.1:${edge.port}/api/v1/conversations/${chat.id}`;
  const headers = { authorization: `Bearer ${await devToken(edge, "anna")}` };
  expect((await fetch(`${url}/messages`, { headers })).status).toBe(200);
  const rated = { method: "PUT", body: JSON.stringify({ rating: "up", comment: "Good" }) };
  const json = { ...headers, "content-type": "application/json" };
  const answer = `${url}/messages/${asked.turn_id}-a/feedback`;
  expect((await fetch(answer, { ...rated, headers: json })).status).toBe(200);
  await liveBeside(edge, url, { ...headers, "content-type": "application/json" }, `${asked.turn_id}-a`);
  expect((await fetch(url, { method: "DELETE", headers })).status).toBe(204);
}

/** Branches, hand-over, memory, documents and what was used. */
async function liveBeside(edge: Service, url: string, headers: Record<string, string>, message_id: string) {
  const api = `http://127.0.0.1:${edge.port}/api/v1`;
  const wishes: readonly (readonly [string, string, object?])[] = [
    ["POST", `${url}/regenerate`, { message_id }],
    ["POST", `${url}/handover`, { reason: "my bill" }],
    ["DELETE", `${url}/handover`],
    ["POST", `${api}/memory`, { text: "Likes short answers." }],
    ["DELETE", `${api}/memory`],
    ["POST", `${api}/documents/search`, { query: "memory limits" }],
    ["GET", `${api}/documents`],
    ["GET", `${api}/usage`],
  ];
  for (const [method, address, body] of wishes) {
    const response = await fetch(address, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(response.ok, `${method} ${address}: ${response.status} ${await response.text()}`).toBe(true);
  }
}

it("lets edge, agent and tool worker do all their work", { timeout: 60_000 }, async () => {
  await using nats = await startNatsWithRoles();
  await using system = await startRoles(nats);
  const { edges, agentWorkers, toolWorkers } = system;
  const written = (): string => [...edges, ...agentWorkers, ...toolWorkers].map(({ output }) => output()).join("\n");
  await live(edges[0]!).catch((cause: unknown) => {
    throw new Error(`The processes wrote:\n${written()}`, { cause });
  });
  expect(written()).not.toMatch(/permission/i);
  await eventually(async () => (await storedIn(nats, streams.turns)) === 0, { what: "an empty queue of turns" });
});

/** As an edge would, for a person. */
async function agree(nats: Broker, conversation: string, turn: string): Promise<void> {
  const call = `${turn}-0-0`;
  const factOf = (kind: string): string => subjects.fact(0, conversation, turn, { kind, call });
  await using operator = await plainNats(nats, "operator");
  const stored = await operator.ask(`$JS.API.DIRECT.GET.${streams.facts(0)}.${factOf("asked")}`);
  const { hash } = z.object({ hash: z.string() }).parse(JSON.parse(stored));
  const about = { v: 1, conversation_id: conversation, turn_id: turn, ts: Date.now(), call_id: call, hash };
  const decided: FactOf<"decided"> = { kind: "decided", ...about, approved: true, by: { id: "anna" } };
  await operator.ask(factOf("decided"), JSON.stringify(decided));
}

it("lets a tool worker ask and an agent worker hear what was decided", { timeout: 60_000 }, async () => {
  await using nats = await startNatsWithRoles();
  await using folder = await tempDir();
  const counterFile = path.join(folder.path, "counter");
  await using system = await startRoles(nats, { tools: { DEMO_TOOLS: "1", DEMO_COUNTER_FILE: counterFile } });
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const { turn_id } = await chat.send("change the counter to 42");
  await eventually(() => pendingApprovals(chat.view).length === 1, { what: "the question", timeoutMs: 20_000 });
  await agree(nats, chat.id, turn_id);
  expect(await chat.untilEnd(turn_id)).toMatchObject({ type: "complete", tool_calls: [{ status: "completed" }] });
  expect(await readFile(counterFile, "utf8")).toBe(`${turn_id}-0-0 42\n`);
  const written = [...system.agentWorkers, ...system.toolWorkers].map(({ output }) => output()).join("\n");
  expect(written).not.toMatch(/permission/i);
});

it("runs waiting turns also with roles of before agent workers talked to each other", { timeout: 60_000 }, async () => {
  const withoutAgents = (text: string): string => text.replaceAll(`"${subjects.allAgents}"`, "");
  await using nats = await startNatsWithRoles("nats.conf", withoutAgents);
  await using system = await startRoles(nats, { agentWorkers: 2, toolWorkers: 0 });
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const asked = [];
  for (let i = 0; i < 4; i++) asked.push(await chat.send("hello"));
  for (const { turn_id } of asked) expect(await chat.untilEnd(turn_id)).toMatchObject({ type: "complete" });
});

it.each(["edge", "agent"] as const)("refuses whatever is not the business of the role %s", async (role) => {
  await using nats = await startNatsWithRoles();
  await makeStreams(nats);
  await using client = await plainNats(nats, role);
  for (const [kind, subject] of Object.entries(own)) {
    const isAllowed = mayPublish[role].some((allowed) => allowed === kind);
    const refusal = await client.refusalOf(subject);
    expect(refusal === undefined, `${role} publishes ${subject}: ${refusal}`).toBe(isAllowed);
  }
  expect(await client.refusalOf("$JS.API.STREAM.DELETE.TURNS")).toMatch(/permissions violation/i);
  expect(await client.subscribe(">")).toMatch(/permissions violation/i);
});

it("goes on with roles of before there were decisions to be heard of", { timeout: 120_000 }, async () => {
  const instead = `"${subjects.canary("none")}"`;
  const withoutWakes = (text: string): string =>
    text.replaceAll(/^.*$/gm, (line) => (line.includes(`.${wakeConsumer}`) ? instead : line));
  await using nats = await startNatsWithRoles("nats.conf", withoutWakes);
  await using system = await startRoles(nats, { toolWorkers: 0 });
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const { turn_id } = await chat.send("hello");
  expect(await chat.untilEnd(turn_id)).toMatchObject({ type: "complete" });
  expect(system.agentWorkers[0]!.output()).toContain("the consumer of people's decisions could not be made yet");
});

it("keeps from the streams whatever a tool worker may not write, also as an answer to a request", async () => {
  await using nats = await startNatsWithRoles();
  await makeStreams(nats);
  await using tool = await plainNats(nats, "tool");
  await using operator = await plainNats(nats, "operator");
  for (const [kind, subject] of Object.entries(own)) {
    if (!mayPublish.tool.some((allowed) => allowed === kind)) await tool.refusalOf(subject, { payload: forged });
  }
  // What it may write comes back where it asks for it, but never outside of its own account.
  expect(await tool.ask(own.toolResult, forged)).toContain('"seq":1');
  const lookUp = `$JS.API.DIRECT.GET.${streams.events(0)}.${own.toolResult}`;
  for (const victim of [own.turns, own.agent, own.owner]) {
    await tool.refusalOf(lookUp, { reply: victim, payload: "" });
    await tool.refusalOf(own.toolProgress, { reply: victim, payload: forged });
  }
  expect(await tool.ask(lookUp)).toBe(forged);
  // Single facts about calls, and that a turn was cancelled; what was said is not its business.
  expect(await tool.ask(own.resultFact, forged)).toContain('"seq":1');
  expect(await tool.ask(`$JS.API.DIRECT.GET.${streams.facts(0)}.${own.resultFact}`)).toBe(forged);
  await operator.ask(own.said, "a message");
  await expect(tool.ask(`$JS.API.DIRECT.GET.${streams.facts(0)}.${own.said}`)).rejects.toThrow();
  // It asks people and reads how they decided; it decides nothing.
  expect(await tool.ask(own.askedFact, forged)).toContain('"seq":3');
  await operator.ask(own.decidedFact, "decided");
  expect(await tool.ask(`$JS.API.DIRECT.GET.${streams.facts(0)}.${own.decidedFact}`)).toBe("decided");
  // Each is the next of its stream: nothing came before it but the result and three lines of progress.
  expect(await operator.ask(own.turns)).toContain('"seq":1');
  expect(await operator.ask(own.owner)).toContain('"seq":1');
  expect(await operator.ask(own.agent)).toContain('"seq":5');
});

it("lets nobody in without a password, but with the development configuration", async () => {
  await using strict = await startNatsWithRoles();
  await expect(plainNats(strict)).rejects.toThrow(/authorization violation/i);
  await using open = await startNatsWithRoles("development.conf");
  await using anybody = await plainNats(open);
  expect(await anybody.refusalOf(own.turns)).toBeUndefined();
});
