import { expect, test } from "vitest";
import {
  conversationOfSubject,
  callIdOf,
  messageIdOf,
  nativeSubprotocol,
  parseEventSubject,
  shardOf,
  streams,
  subjects,
  toolCatalogueKey,
  toolQueueName,
  turnsConsumer,
} from "@parley/protocol";

// Literals on purpose: processes of two versions meet on these names.

test("pins stream, consumer, queue and key names", () => {
  expect([streams.turns, streams.events(3), streams.log(3), streams.facts(3), streams.gate, streams.audit]).toEqual([
    "TURNS",
    "EV_3",
    "LOG_3",
    "FACT_3",
    "GATE",
    "AUDIT",
  ]);
  expect([turnsConsumer, toolQueueName, toolCatalogueKey]).toEqual(["agents", "tools", "parley:tools"]);
  expect(nativeSubprotocol).toBe("parley.v1");
});

const pins: Record<keyof typeof subjects, readonly [subject: string, literal: string]> = {
  allTurns: [subjects.allTurns, "chat.turns.*"],
  turns: [subjects.turns("c1"), "chat.turns.c1"],
  allEvents: [subjects.allEvents(2), "chat.ev.2.>"],
  allLive: [subjects.allLive(2), "chat.live.2.>"],
  eventsOf: [subjects.eventsOf(2, "c1"), "chat.ev.2.c1.>"],
  liveOf: [subjects.liveOf(2, "c1"), "chat.live.2.c1.>"],
  titleEvent: [subjects.titleEvent(2, "c1"), "chat.ev.2.c1.title"],
  handoverEvent: [subjects.handoverEvent(2, "c1"), "chat.ev.2.c1.handover"],
  handover: [subjects.handover(2, "c1"), "chat.handover.2.c1"],
  allHandovers: [subjects.allHandovers(2), "chat.handover.2.*"],
  people: [subjects.people(2, "c1"), "chat.people.2.c1"],
  allPeople: [subjects.allPeople(2), "chat.people.2.*"],
  post: [subjects.post(2, "c1"), "chat.post.2.c1"],
  allPosts: [subjects.allPosts(2), "chat.post.2.*"],
  change: [subjects.change(2, "c1", "m1"), "chat.change.2.c1.m1"],
  changesOf: [subjects.changesOf(2, "c1"), "chat.change.2.c1.*"],
  allChanges: [subjects.allChanges(2), "chat.change.2.*.*"],
  read: [subjects.read(2, "c1", "h1"), "chat.read.2.c1.h1"],
  readsOf: [subjects.readsOf(2, "c1"), "chat.read.2.c1.*"],
  allReads: [subjects.allReads(2), "chat.read.2.*.*"],
  memberEvent: [subjects.memberEvent(2, "c1"), "chat.ev.2.c1.member"],
  postEvent: [subjects.postEvent(2, "c1"), "chat.ev.2.c1.post"],
  changeEvent: [subjects.changeEvent(2, "c1", "m1"), "chat.ev.2.c1.change-m1"],
  eventOfConversation: [subjects.eventOfConversation(2, "c1"), "chat.ev.2.c1.*"],
  signal: [subjects.signal(2, "c1"), "chat.signal.2.c1"],
  allSignals: [subjects.allSignals, "chat.signal.*.*"],
  user: [subjects.user(2, "c1", "t1"), "chat.ev.2.c1.t1.user"],
  changedMessage: [subjects.changedMessage(2, "c1", "t1"), "chat.ev.2.c1.t1.user.changed"],
  agent: [subjects.agent(2, "c1", "t1"), "chat.ev.2.c1.t1.a"],
  control: [subjects.control(2, "c1", "t1"), "chat.ev.2.c1.t1.ctl"],
  toolResult: [subjects.toolResult(2, "c1", "t1", "t1-0-0"), "chat.ev.2.c1.t1.tool.t1-0-0"],
  approvalRequired: [subjects.approvalRequired(2, "c1", "t1", "t1-0-0"), "chat.ev.2.c1.t1.asked.t1-0-0"],
  approvalDecided: [subjects.approvalDecided(2, "c1", "t1", "t1-0-0"), "chat.ev.2.c1.t1.approval.t1-0-0"],
  liveApprovalRequests: [subjects.liveApprovalRequests(2, "c1", "t1"), "chat.live.2.c1.t1.asked.*"],
  allDecisions: [subjects.allDecisions(2), "chat.fact.2.*.*.decided.*"],
  toolBegun: [subjects.toolBegun(2, "c1", "t1", "t1-0-0"), "chat.ev.2.c1.t1.toolb.t1-0-0"],
  toolProgress: [subjects.toolProgress(2, "c1", "t1", "t1-0-0"), "chat.ev.2.c1.t1.toolp.t1-0-0"],
  mark: [subjects.mark(2, "c1", "t1", 17), "chat.ev.2.c1.t1.mark.17"],
  liveToolResults: [subjects.liveToolResults(2, "c1", "t1"), "chat.live.2.c1.t1.tool.*"],
  allLiveControl: [subjects.allLiveControl(2), "chat.live.2.*.*.ctl"],
  deleted: [subjects.deleted(2, "c1"), "chat.deleted.2.c1"],
  token: [subjects.token("h1"), "chat.token.h1"],
  connection: [subjects.connection("h1"), "chat.connection.h1"],
  allConnections: [subjects.allConnections, "chat.connection.*"],
  allTokens: [subjects.allTokens, "chat.token.*"],
  documentList: [subjects.documentList("t1"), "chat.document.t1.list"],
  documentPart: [subjects.documentPart("t1", "v1", 0), "chat.document.t1.part.v1.0"],
  allDocuments: [subjects.allDocuments, "chat.document.>"],
  documentQuestion: [subjects.documentQuestion, "chat.documents.ask"],
  documentAnswer: [subjects.documentAnswer("e1", "7"), "chat.documents.answer.e1.7"],
  allDocumentAnswers: [subjects.allDocumentAnswers, "chat.documents.answer.>"],
  revoked: [subjects.revoked("h1"), "chat.gate.revoked.h1"],
  allRevoked: [subjects.allRevoked, "chat.gate.revoked.*"],
  audit: [subjects.audit("asked", "_", "c1"), "chat.audit.asked._.c1"],
  auditAdmin: [subjects.auditAdmin("block"), "chat.audit.admin.block"],
  auditOf: [subjects.auditOf("c1"), "chat.audit.*.*.c1"],
  allAudit: [subjects.allAudit, "chat.audit.>"],
  workshopDay: [subjects.workshopDay("_", "2026-12-01"), "chat.workshop.day._.2026-12-01"],
  workshopPerson: [subjects.workshopPerson("_", "u"), "chat.workshop.person._.u"],
  workshopId: ["chat.workshop.id", subjects.workshopId],
  allWorkshop: ["chat.workshop.>", subjects.allWorkshop],
  usage: [subjects.usage("_", "u1"), "chat.usage._.u1"],
  allUsage: [subjects.allUsage, "chat.usage.*.*"],
  key: [subjects.key("abc"), "chat.key.abc"],
  allKeys: [subjects.allKeys, "chat.key.*"],
  allToolKeys: [subjects.allToolKeys, "chat.toolkey.*"],
  keyGone: [subjects.keyGone("abc"), "chat.keygone.abc"],
  allKeysGone: [subjects.allKeysGone, "chat.keygone.*"],
  file: [subjects.file("file_tZk3vQ1d8Tn0yRb5sLm2cX"), "chat.file.t.file_tZk3vQ1d8Tn0yRb5sLm2cX"],
  filesBy: [subjects.filesBy("a"), "chat.file.a.*"],
  fileLink: [subjects.fileLink("c1", "*"), "chat.filein.c1.*"],
  fileSet: [subjects.fileSet("h1"), "chat.fileset.h1"],
  fileSum: [subjects.fileSum("h1"), "chat.filesum.h1"],
  fileCare: [subjects.fileCare, "chat.filecare.owner"],
  allFiles: [
    subjects.allFiles.join(" "),
    "chat.file.*.* chat.filein.*.* chat.fileset.* chat.filesum.* chat.filecare.*",
  ],
  fileChunk: [subjects.fileChunk("o1"), "$O.parley_files.C.o1"],
  fileMeta: [subjects.fileMeta("bmFtZQ=="), "$O.parley_files.M.bmFtZQ=="],
  allFileBytes: [subjects.allFileBytes.join(" "), "$O.parley_files.C.> $O.parley_files.M.>"],
  allDeleted: [subjects.allDeleted, "chat.deleted.*.*"],
  log: [subjects.log(2, "c1"), "chat.log.2.c1"],
  fact: [subjects.fact(2, "c1", "t1", { kind: "begun", call: "t1-0-0" }), "chat.fact.2.c1.t1.begun.t1-0-0"],
  factsOfTurn: [subjects.factsOfTurn(2, "c1", "t1"), "chat.fact.2.c1.t1.>"],
  factsOf: [subjects.factsOf(2, "c1"), "chat.fact.2.c1.>"],
  allFacts: [subjects.allFacts(2), "chat.fact.2.>"],
  allLog: [subjects.allLog(2), "chat.log.2.*"],
  canary: [subjects.canary("edge-1"), "chat.canary.edge-1"],
  pull: [subjects.pull("EV_0", "reader"), "$JS.API.CONSUMER.MSG.NEXT.EV_0.reader"],
  directGet: [subjects.directGet("EV_0"), "$JS.API.DIRECT.GET.EV_0"],
  turnLeft: [subjects.turnLeft("c1"), "chat.agent.left.c1"],
  agentQuestion: [subjects.agentQuestion, "chat.agent.runs"],
  agentAnswer: [subjects.agentAnswer("q1"), "chat.agent.answer.q1"],
  allAgents: [subjects.allAgents, "chat.agent.>"],
  owner: [subjects.owner(2, "c1"), "chat.owner.2.c1"],
  title: [subjects.title(2, "c1"), "chat.title.2.c1"],
  feedback: [subjects.feedback(2, "c1"), "chat.feedback.2.c1"],
  allFeedback: [subjects.allFeedback(2), "chat.feedback.2.*"],
  erased: [subjects.erased(2, "c1", 7), "chat.erased.2.c1.7"],
  allErased: [subjects.allErased(2), "chat.erased.2.*.*"],
  hold: [subjects.hold("h1"), "chat.privacy.hold.h1"],
  erasure: [subjects.erasure("h1"), "chat.privacy.erasure.h1"],
  lease: [subjects.lease("keeper"), "chat.privacy.lease.keeper"],
  sweep: [subjects.sweep, "chat.privacy.sweep"],
  allPrivacy: [subjects.allPrivacy, "chat.privacy.>"],
  memory: [subjects.memory("h1"), "chat.memory.h1"],
  allMemories: [subjects.allMemories, "chat.memory.*"],
  notices: [subjects.notices("h1"), "chat.notices.h1"],
  allNotices: [subjects.allNotices, "chat.notices.*"],
  summary: [subjects.summary(2, "c1"), "chat.summary.2.c1"],
  allSummaries: [subjects.allSummaries(2), "chat.summary.2.*"],
  allTitles: [subjects.allTitles(2), "chat.title.2.*"],
  allOwners: [subjects.allOwners(2), "chat.owner.2.*"],
};

test.each(Object.entries(pins))("pins the subject %s", (_, [subject, literal]) => {
  expect(subject).toBe(literal);
});

test("has no subject that this list forgot", () => {
  expect(Object.keys(pins).toSorted()).toEqual(Object.keys(subjects).toSorted());
});

test("reads the address back from a stored subject and from its live twin", () => {
  const address = { shard: 2, conversation: "c1", turn: "t1" };
  expect(parseEventSubject(subjects.agent(2, "c1", "t1"))).toEqual({ ...address, channel: "a" });
  expect(parseEventSubject("chat.live.2.c1.t1.tool.t1-0-0")).toEqual({ ...address, channel: "tool.t1-0-0" });
});

test.each(["", "chat", "chat.turns.c1", "chat.log.0.c1", "chat.ev.0.c1", "chat.ev.0.c1.t1", "other.ev.0.c1.t1.a"])(
  "says that %j is no event subject",
  (subject) => {
    expect(parseEventSubject(subject)).toBeUndefined();
  },
);

test("tells the conversation of an event that belongs to no turn", () => {
  expect(parseEventSubject(subjects.titleEvent(2, "c1"))).toBeUndefined();
  expect([subjects.titleEvent(2, "c1"), subjects.user(2, "c1", "t1")].map(conversationOfSubject)).toEqual(["c1", "c1"]);
});

test("puts a conversation on the same shard in every process and version", () => {
  // Published test vectors of 32-bit FNV-1a.
  expect([shardOf("a", 2 ** 32), shardOf("foobar", 2 ** 32)]).toEqual([0xe40c292c, 0xbf9cf968]);
  expect([shardOf("foobar", 1), shardOf("a", 7)]).toEqual([0, 5]);
});

test("spreads conversations over all shards", () => {
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 4_000; i++) counts[shardOf(`c_${i}`, 4)]! += 1;
  for (const count of counts) expect(count).toBeGreaterThan(800);
});

test("derives message and call ids from the turn", () => {
  expect([messageIdOf("t1", "user"), messageIdOf("t1", "assistant")]).toEqual(["t1-u", "t1-a"]);
  expect(callIdOf("t1", 2, 0)).toBe("t1-2-0");
});
