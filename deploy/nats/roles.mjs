import { streams, subjects, turnsConsumer, wakeConsumer } from "@parley/protocol";
import {
  connections,
  every,
  factsOf,
  fileReading,
  fileWriting,
  forEachShard,
  namesOf,
  readConsumers,
  reading,
} from "./rights.mjs";

const inbox = "_INBOX.>";

/** What users want to be remembered: edges show and change it, agent workers read it and write down what an agent is told. */
const memory = reading([streams.memory]);

/** Wrapped data keys, where what is stored is encrypted: who reads what people say reads them, who writes it first makes them. */
const keys = reading([streams.keys]);

const api = (names) => names.map((name) => `$JS.API.${name}`);

/** What edges tell of the whole deployment. */
const ofAllShards = [
  ...[subjects.canary(every), subjects.allDeleted, subjects.allSignals],
  ...[subjects.allRevoked, subjects.allConnections, subjects.allMemories, subjects.allNotices, subjects.allPrivacy],
  // Sums of what somebody has used who is erased: under the name of nobody, and no other.
  subjects.usage(every, "erased"),
  ...[subjects.allKeys, subjects.allToolKeys, subjects.allKeysGone],
];

/** What edges store of tenants' documents, and ask workers about them. */
const edgeDocuments = [
  subjects.documentList(every),
  subjects.documentPart(every, every, every),
  subjects.documentQuestion,
];
/** What was replaced or removed is purged. */
const documentStream = [...reading([streams.documents]), `STREAM.PURGE.${streams.documents}`];

/** Parts that were written anew, and what was refused: its record is never removed but by edges. */
const filePurging = [`STREAM.PURGE.${streams.files}`, `STREAM.PURGE.${streams.fileBytes}`];
/** What only edges write of files. */
const edgeFiles = [
  ...fileWriting,
  ...[subjects.filesBy(every), subjects.fileSet(every), subjects.fileSum(every), subjects.fileCare],
];

/** What edges store of a conversation. */
function edgeSubjects(shard) {
  return [
    subjects.user(shard, every, every),
    subjects.control(shard, every, every),
    subjects.mark(shard, every, every, every),
    subjects.owner(shard, every),
    subjects.title(shard, every),
    ...[subjects.feedback(shard, every), subjects.summary(shard, every)],
    subjects.handover(shard, every),
    ...[subjects.people(shard, every), subjects.post(shard, every)],
    ...[subjects.change(shard, every, every), subjects.read(shard, every, every)],
    // In the place of a record that is erased: it counts only without words.
    subjects.erased(shard, every, every),
    // All events of a conversation that are of no turn: those of one message have its id in their only token.
    subjects.eventOfConversation(shard, every),
    factsOf(shard, "said"),
    factsOf(shard, "cancel"),
    subjects.changedMessage(shard, every, every),
    factsOf(shard, "text"),
    subjects.approvalDecided(shard, every, every, every),
    factsOf(shard, "decided", every),
    factsOf(shard, "like", every),
  ];
}

/** Facts are read by consumers of edges' own. That of the agent workers is none of these: who asked it for a decision would take it from them. */
function agentsConsumer(shard) {
  const place = `${streams.facts(shard)}.${wakeConsumer}`;
  const verbs = ["CREATE", "DURABLE.CREATE", "INFO", "MSG.NEXT", "DELETE"];
  return [...verbs.map((verb) => `CONSUMER.${verb}.${place}`), `CONSUMER.CREATE.${place}.>`];
}

export function edgeRole(shards) {
  return {
    publish: [
      subjects.allTurns,
      ...forEachShard(shards, edgeSubjects),
      ...ofAllShards,
      ...edgeDocuments,
      ...edgeFiles,
      ...[subjects.audit("decided", every, every), subjects.auditAdmin(every)],
      ...api([
        ...reading([...namesOf(shards), streams.gate]),
        ...[...connections, ...memory, ...keys, ...reading([streams.notices])],
        // What is deleted is erased with its key.
        `STREAM.MSG.DELETE.${streams.keys}`,
        // What has run out goes where there is no room for more.
        `STREAM.MSG.DELETE.${streams.gate}`,
        ...readConsumers(streams.gate),
        ...documentStream,
        ...[...fileReading, ...filePurging],
        // Made where it is missing, and read for those who may: nobody deletes, purges or changes it.
        ...reading([streams.audit]),
        ...readConsumers(streams.audit),
        // What turns have used: read for those who pay, and for counters that Redis has lost.
        ...reading([streams.usage]),
        ...readConsumers(streams.usage),
        // Of who is erased.
        `STREAM.PURGE.${streams.usage}`,
        ...reading([streams.privacy]),
        `STREAM.PURGE.${streams.privacy}`,
        ...[`STREAM.PURGE.${streams.notices}`, `STREAM.PURGE.${streams.memory}`],
        `STREAM.MSG.DELETE.${streams.turns}`,
        `CONSUMER.INFO.${streams.turns}.${turnsConsumer}`,
        ...forEachShard(shards, (shard) => [
          ...readConsumers(streams.events(shard)),
          `STREAM.PURGE.${streams.events(shard)}`,
          `STREAM.PURGE.${streams.log(shard)}`,
          `STREAM.PURGE.${streams.facts(shard)}`,
          // Somebody is erased: their records are looked for, and go one by one.
          `STREAM.MSG.DELETE.${streams.log(shard)}`,
          ...readConsumers(streams.log(shard)),
          ...readConsumers(streams.facts(shard)),
        ]),
      ]),
    ],
    denied: api(forEachShard(shards, agentsConsumer)),
    subscribe: [
      inbox,
      ...forEachShard(shards, (shard) => [subjects.allLive(shard)]),
      subjects.canary(every),
      subjects.allDeleted,
      subjects.allSignals,
      subjects.allKeysGone,
      subjects.documentAnswer(every, every),
    ],
  };
}

/** For people who look at the audit log (`npm run audit`), and may do nothing else. */
export function auditorRole() {
  const { audit } = streams;
  const ofKeys = [`STREAM.MSG.GET.${streams.keys}`, `DIRECT.GET.${streams.keys}.${subjects.allKeys}`];
  const ofAudit = [`STREAM.INFO.${audit}`, `DIRECT.GET.${audit}`, `DIRECT.GET.${audit}.>`, ...readConsumers(audit)];
  return {
    // Entries may be encrypted: without the tenants' master keys these say nothing.
    publish: api([...ofAudit, ...ofKeys]),
    subscribe: [inbox, subjects.allKeysGone],
  };
}

/** What agent workers store of a conversation. */
function agentSubjects(shard) {
  return [
    subjects.agent(shard, every, every),
    subjects.user(shard, every, every),
    subjects.toolResult(shard, every, every, every),
    subjects.log(shard, every),
    // Of a conversation that has none, after its first answer.
    subjects.title(shard, every),
    subjects.titleEvent(shard, every),
    subjects.summary(shard, every),
    // Asked for by an agent or a user, ended when nobody came.
    subjects.handover(shard, every),
    subjects.handoverEvent(shard, every),
    factsOf(shard, "said"),
    factsOf(shard, "result", every),
    // Taken to make sure that a call is never run: a cancelled one, or one that took too long.
    subjects.toolBegun(shard, every, every, every),
    factsOf(shard, "begun", every),
    // Closed when a turn that waited begins; the changed message is told where its edge died.
    factsOf(shard, "text"),
    subjects.changedMessage(shard, every, every),
    // What nobody decided in time, and turns that wait for a decision.
    subjects.approvalDecided(shard, every, every, every),
    factsOf(shard, "decided", every),
    factsOf(shard, "wait"),
    factsOf(shard, "ack"),
  ];
}

export function agentRole(shards) {
  return {
    publish: [
      ...forEachShard(shards, agentSubjects),
      subjects.allAgents,
      // To what edges ask about documents, which are read here and never written.
      ...[subjects.allDocumentAnswers, subjects.allUsage, subjects.allMemories, subjects.allKeys],
      // Files that agents give back, and no others.
      ...[...fileWriting, subjects.filesBy("a")],
      `$JS.ACK.${streams.turns}.${turnsConsumer}.>`,
      ...forEachShard(shards, (shard) => [`$JS.ACK.${streams.facts(shard)}.${wakeConsumer}.>`]),
      ...api([
        ...[...reading([...namesOf(shards), streams.documents, streams.usage]), ...memory, ...keys],
        ...readConsumers(streams.usage),
        ...fileReading,
        ...namesOf(shards).map((name) => `STREAM.UPDATE.${name}`),
        `STREAM.MSG.DELETE.${streams.turns}`,
        `CONSUMER.CREATE.${streams.turns}.${turnsConsumer}`,
        `CONSUMER.DURABLE.CREATE.${streams.turns}.${turnsConsumer}`,
        `CONSUMER.INFO.${streams.turns}.${turnsConsumer}`,
        `CONSUMER.MSG.NEXT.${streams.turns}.${turnsConsumer}`,
        ...forEachShard(shards, (shard) => [
          ...readConsumers(streams.events(shard)),
          ...["CREATE", "DURABLE.CREATE", "INFO", "MSG.NEXT"].map(
            (verb) => `CONSUMER.${verb}.${streams.facts(shard)}.${wakeConsumer}`,
          ),
          `CONSUMER.CREATE.${streams.facts(shard)}.${wakeConsumer}.${subjects.allDecisions(shard)}`,
        ]),
      ]),
    ],
    subscribe: [
      inbox,
      subjects.allAgents,
      subjects.allKeysGone,
      subjects.documentQuestion,
      ...forEachShard(shards, (shard) => [
        subjects.allLiveControl(shard),
        subjects.liveToolResults(shard, every, every),
        subjects.liveApprovalRequests(shard, every, every),
      ]),
    ],
  };
}
