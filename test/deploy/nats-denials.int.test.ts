import { streams, subjects, turnsConsumer, wakeConsumer } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { startNatsWithRoles } from "./nats-with-roles.ts";
import { plainNats, type PlainNats } from "./plain-nats.ts";

// What may be published is in nats-roles.int.test.ts; this is what may be asked of JetStream, and heard.

const [events, log, facts] = [streams.events(0), streams.log(0), streams.facts(0)];
const { turns, audit } = streams;
const all = [turns, events, log, facts];

/** Kinds of requests: each means that every one of its subjects is allowed, or none. */
const requests = {
  makeStream: all.map((name) => `STREAM.CREATE.${name}`),
  lookAtStream: all.map((name) => `STREAM.INFO.${name}`),
  changeStream: all.map((name) => `STREAM.UPDATE.${name}`),
  emptyConversations: [events, log, facts].map((name) => `STREAM.PURGE.${name}`),
  emptyQueue: [`STREAM.PURGE.${turns}`],
  deleteStream: all.map((name) => `STREAM.DELETE.${name}`),
  copyStream: all.flatMap((name) => [`STREAM.SNAPSHOT.${name}`, `STREAM.RESTORE.${name}`]),
  makeOtherStream: ["STREAM.CREATE.OTHER", "STREAM.CREATE.KV_x"],
  listAll: ["STREAM.LIST", "STREAM.NAMES", "INFO", `CONSUMER.LIST.${turns}`, `CONSUMER.NAMES.${events}`],
  readMessage: all.flatMap((name) => [`STREAM.MSG.GET.${name}`, `DIRECT.GET.${name}`, `DIRECT.GET.${name}.x.y`]),
  takeBackTurn: [`STREAM.MSG.DELETE.${turns}`],
  deleteMessage: [events, facts].map((name) => `STREAM.MSG.DELETE.${name}`),
  // What somebody wrote goes when they are erased; that of others in the conversation stays.
  eraseMessage: [`STREAM.MSG.DELETE.${log}`],
  readEvents: [`CONSUMER.CREATE.${events}`, `CONSUMER.CREATE.${events}.r1`, `CONSUMER.MSG.NEXT.${events}.r1`],
  // Of one conversation at a time: what is exported, and looked through for what somebody wrote.
  readKept: [log, facts].flatMap((name) => [`CONSUMER.CREATE.${name}.r1`, `CONSUMER.MSG.NEXT.${name}.r1`]),
  readOthers: [turns].flatMap((name) => [`CONSUMER.CREATE.${name}.r1`, `CONSUMER.MSG.NEXT.${name}.r1`]),
  takeTurns: ["DURABLE.CREATE", "MSG.NEXT"].map((verb) => `CONSUMER.${verb}.${turns}.${turnsConsumer}`),
  lookAtQueue: [`CONSUMER.INFO.${turns}.${turnsConsumer}`],
  hearDecisions: ["DURABLE.CREATE", "INFO", "MSG.NEXT"].map((verb) => `CONSUMER.${verb}.${facts}.${wakeConsumer}`),
  deleteQueue: [`CONSUMER.DELETE.${turns}.${turnsConsumer}`, `CONSUMER.DELETE.${facts}.${wakeConsumer}`],
  makeAudit: [`STREAM.CREATE.${audit}`],
  lookAtAudit: [`STREAM.INFO.${audit}`, `DIRECT.GET.${audit}`],
  readAudit: [`CONSUMER.CREATE.${audit}.r1`, `CONSUMER.MSG.NEXT.${audit}.r1`],
  changeAudit: ["UPDATE", "PURGE", "DELETE", "MSG.DELETE", "RESTORE"].map((verb) => `STREAM.${verb}.${audit}`),
  changeCluster: ["META.LEADER.STEPDOWN", `STREAM.LEADER.STEPDOWN.${events}`, `STREAM.PEER.REMOVE.${events}`],
} as const;
type Request = keyof typeof requests;

const reading = ["makeStream", "lookAtStream", "readMessage", "takeBackTurn", "readEvents"] as const;
const mayAsk: Record<"edge" | "agent" | "auditor", readonly Request[]> = {
  edge: [
    ...reading,
    "lookAtQueue",
    "emptyConversations",
    "eraseMessage",
    "readKept",
    "makeAudit",
    "lookAtAudit",
    "readAudit",
  ],
  agent: [...reading, "lookAtQueue", "changeStream", "takeTurns", "hearDecisions"],
  auditor: ["lookAtAudit", "readAudit"],
};

/** Of a live conversation; a wildcard is heard only by who may hear all of it. */
const live = {
  control: subjects.allLiveControl(0),
  toolResults: subjects.liveToolResults(0, "*", "*"),
  questions: subjects.liveApprovalRequests(0, "*", "*"),
  everything: subjects.allLive(0),
  deletions: subjects.allDeleted,
  canary: subjects.canary("me"),
  agents: subjects.allAgents,
  turns: subjects.allTurns,
  events: subjects.allEvents(0),
  facts: subjects.allFacts(0),
  log: subjects.allLog(0),
  api: "$JS.API.>",
  acks: "$JS.ACK.>",
  system: "$SYS.>",
} as const;
type Heard = keyof typeof live;

const mayHear: Record<"edge" | "agent" | "auditor", readonly Heard[]> = {
  auditor: [],
  edge: ["control", "toolResults", "questions", "everything", "deletions", "canary"],
  agent: ["control", "toolResults", "questions", "agents"],
};

const isRefused = (refusal: string | undefined): boolean => /permissions violation/i.test(refusal ?? "");

it.each(["edge", "agent", "auditor"] as const)(
  "%s asks JetStream for what it needs, and for nothing else",
  async (role) => {
    await using nats = await startNatsWithRoles();
    await using client = await plainNats(nats, role);
    for (const [kind, subjectsOfKind] of Object.entries(requests)) {
      const isAllowed = mayAsk[role].some((allowed) => allowed === kind);
      for (const subject of subjectsOfKind) {
        const refusal = await client.refusalOf(`$JS.API.${subject}`);
        expect([subject, isRefused(refusal)]).toEqual([subject, !isAllowed]);
      }
    }
    for (const [stream, consumer] of [
      [turns, turnsConsumer],
      [facts, wakeConsumer],
    ]) {
      const ack = await client.refusalOf(`$JS.ACK.${stream}.${consumer}.1.1.1.0.0`);
      expect(isRefused(ack)).toBe(role !== "agent");
    }
    expect(isRefused(await client.refusalOf(`$JS.ACK.${events}.r1.1.1.1.0.0`))).toBe(true);
  },
);

it.each(["edge", "agent", "auditor"] as const)("%s hears what it needs, and nothing else", async (role) => {
  await using nats = await startNatsWithRoles();
  await using client = await plainNats(nats, role);
  for (const [kind, subject] of Object.entries(live)) {
    const isAllowed = mayHear[role].some((allowed) => allowed === kind);
    expect([kind, isRefused(await client.subscribe(subject))]).toEqual([kind, !isAllowed]);
  }
});

/** Whether anybody answers a tool worker there, be it with an error. */
async function isServed(tool: PlainNats, subject: string): Promise<boolean> {
  return tool.ask(`$JS.API.${subject}`).then(
    () => true,
    () => false,
  );
}

it("tool workers are answered by JetStream for single messages about calls only", async () => {
  await using nats = await startNatsWithRoles();
  await using operator = await plainNats(nats, "operator");
  for (const [name, subject] of [
    [events, subjects.allEvents(0)],
    [facts, subjects.allFacts(0)],
  ]) {
    const config = { name, subjects: [subject], storage: "file", allow_direct: true };
    await operator.ask(`$JS.API.STREAM.CREATE.${name}`, JSON.stringify(config));
  }
  await using tool = await plainNats(nats, "tool");
  const served: string[] = [];
  for (const subject of Object.values(requests).flat()) if (await isServed(tool, subject)) served.push(subject);
  const single = [events, facts].map((name) => `STREAM.MSG.GET.${name}`);
  const ofAudit = [...requests.makeAudit, `STREAM.INFO.${audit}`];
  expect(served.toSorted()).toEqual([...requests.makeStream, ...single, ...ofAudit].toSorted());
});

it("tool workers hear of cancels, and of nothing else that is said in the account of Parley", async () => {
  await using nats = await startNatsWithRoles();
  await using operator = await plainNats(nats, "operator");
  await using tool = await plainNats(nats, "tool");
  await tool.subscribe(">");
  const conversation = subjects.liveOf(0, "c1").slice(0, -2);
  const cancel = `${conversation}.t1.ctl`;
  const said = [
    ...[subjects.turns("c1"), subjects.user(0, "c1", "t1"), subjects.agent(0, "c1", "t1"), subjects.owner(0, "c1")],
    ...[`${conversation}.t1.a`, `${conversation}.t1.user`, `${conversation}.t1.tool.x`, subjects.log(0, "c1")],
    ...[subjects.canary("x"), subjects.allDeleted.replaceAll("*", "x"), subjects.allAgents.replace(">", "x")],
    ...[subjects.fact(0, "c1", "t1", { kind: "said" }), "$JS.EVENT.ADVISORY.API", "_INBOX.of-somebody.1"],
  ];
  for (const subject of [...said, cancel]) await operator.refusalOf(subject);
  await eventually(() => tool.heard().includes(cancel), { what: "the cancel" });
  expect(tool.heard()).toEqual([cancel]);
});
