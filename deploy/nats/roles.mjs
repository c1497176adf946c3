import { streams, subjects, turnsConsumer, wakeConsumer } from "@parley/protocol";

/** In the account of the tool workers: where their requests to JetStream are known by another name. See `toolAccount`. */
const toolApi = "role.js.api";

const every = "*";
const inbox = "_INBOX.>";

const forEachShard = (shards, list) => Array.from({ length: shards }, (_, shard) => list(shard)).flat();
const namesOf = (shards) => [
  streams.turns,
  ...forEachShard(shards, (shard) => [streams.events(shard), streams.log(shard), streams.facts(shard)]),
];

/** Of one kind, in any conversation; with a call where it is about one. */
const factsOf = (shard, kind, call) =>
  subjects.fact(shard, every, every, { kind, ...(call === undefined ? {} : { call }) });

/** Making a stream that is missing, asking for its state, reading single messages: what every process does. */
function reading(names) {
  return names.flatMap((name) => [
    `STREAM.CREATE.${name}`,
    `STREAM.INFO.${name}`,
    `STREAM.MSG.GET.${name}`,
    `DIRECT.GET.${name}`,
    `DIRECT.GET.${name}.>`,
  ]);
}

/** Reading a conversation's events in one go, by a consumer that lives for a moment. */
function readConsumers(name) {
  return [
    `CONSUMER.CREATE.${name}`,
    `CONSUMER.CREATE.${name}.>`,
    `CONSUMER.INFO.${name}.*`,
    `CONSUMER.MSG.NEXT.${name}.*`,
    `CONSUMER.DELETE.${name}.*`,
  ];
}

/** What users want to be remembered: edges show and change it, agent workers read it and write down what an agent is told. */
const memory = reading([streams.memory]);

/** What users want to be told when they are away, and where: edges show and change it, tool workers read it and take out what is gone. */
const notices = [`STREAM.CREATE.${streams.notices}`, `STREAM.MSG.GET.${streams.notices}`];

/** Accounts that people connect at edges, and tool workers use. The deployment's own tokens edges can neither write nor read. */
const connections = [`STREAM.CREATE.${streams.connections}`, `STREAM.MSG.GET.${streams.connections}`];

/** Wrapped data keys, where what is stored is encrypted: who reads what people say reads them, who writes it first makes them. */
const keys = reading([streams.keys]);

const api = (names) => names.map((name) => `$JS.API.${name}`);

/** What edges tell of the whole deployment. */
const ofAllShards = [
  ...[subjects.canary(every), subjects.allDeleted, subjects.allSignals],
  ...[subjects.allRevoked, subjects.allConnections, subjects.allMemories, subjects.allNotices, subjects.allPrivacy],
  // Sums of what somebody has used who is erased: under the name of nobody, and no other.
  subjects.usage(every, "erased"),
  ...[subjects.allKeys, subjects.allKeysGone],
];

/** What edges store of tenants' documents, and ask workers about them. */
const edgeDocuments = [
  subjects.documentList(every),
  subjects.documentPart(every, every, every),
  subjects.documentQuestion,
];
/** What was replaced or removed is purged. */
const documentStream = [...reading([streams.documents]), `STREAM.PURGE.${streams.documents}`];

/** Reading files, by messages of one subject after the other; and making their streams where they are missing. */
const fileReading = [...reading([streams.files]), ...reading([streams.fileBytes])];
/** Their bytes, and to whom they belong. */
const fileWriting = [...subjects.allFileBytes, subjects.fileLink(every, every)];
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

/**
 * An account of its own, because permissions are not enough for the process that runs tools. Whoever may read a stream can name any subject
 * as the one to send the answer to, and JetStream obeys: with permissions alone, a tool worker can store a forged turn as its own result and
 * have it "answered" to the queue of turns (seen with 2.9.10). Answers to another account stay in that account. Reading by consumers, which
 * name such a subject too, is therefore nothing that this role gets.
 */
export function toolAccount(shards) {
  return {
    services: [
      subjects.allTokens,
      ...[subjects.allConnections, subjects.allNotices],
      subjects.allWorkshop,
      ...forEachShard(shards, (shard) => [
        subjects.toolResult(shard, every, every, every),
        subjects.toolBegun(shard, every, every, every),
        subjects.toolProgress(shard, every, every, every),
        subjects.approvalRequired(shard, every, every, every),
        ...["begun", "result", "asked"].map((kind) => factsOf(shard, kind, every)),
      ]),
      ...["asked", "run"].map((channel) => subjects.audit(channel, every, every)),
      // Files that tools give back: what people have brought they can read, and not change.
      ...[...fileWriting, subjects.filesBy("t")],
    ],
    api: [
      // Its own: no other role has a right to it.
      `STREAM.CREATE.${streams.tokens}`,
      `STREAM.MSG.GET.${streams.tokens}`,
      // The workshop's diaries, which only tools write and read.
      `STREAM.CREATE.${streams.workshop}`,
      `STREAM.MSG.GET.${streams.workshop}`,
      ...connections,
      ...notices,
      `DIRECT.GET.${streams.notices}.${subjects.allNotices}`,
      // Whether whoever asked for notices on a device was signed out since: by exact names, which are hashes.
      `DIRECT.GET.${streams.gate}.${subjects.allRevoked}`,
      ...[...namesOf(shards), streams.audit, streams.keys].map((name) => `STREAM.CREATE.${name}`),
      // Wrapped data keys, read one by one, by the hash of their scope. It has no right to make any, nor to replace one.
      ...[`STREAM.MSG.GET.${streams.keys}`, `DIRECT.GET.${streams.keys}.${subjects.allKeys}`],
      ...fileReading,
      // How full it is, and how long it keeps, for the notes of /readyz.
      `STREAM.INFO.${streams.audit}`,
      ...forEachShard(shards, (shard) => [
        // Who wrote first, by the word of the stream's leader, and that a step committed a call. It cannot be limited to subjects.
        `STREAM.MSG.GET.${streams.events(shard)}`,
        `STREAM.MSG.GET.${streams.facts(shard)}`,
        ...[
          ...["begun", "result", "asked", "decided", "like"].map((kind) => factsOf(shard, kind, every)),
          factsOf(shard, "cancel"),
        ].map((subject) => `DIRECT.GET.${streams.facts(shard)}.${subject}`),
        ...[
          subjects.toolResult(shard, every, every, every),
          subjects.toolBegun(shard, every, every, every),
          subjects.approvalRequired(shard, every, every, every),
          subjects.control(shard, every, every),
        ].map((subject) => `DIRECT.GET.${streams.events(shard)}.${subject}`),
      ]),
    ],
    streams: [...forEachShard(shards, (shard) => [subjects.allLiveControl(shard)]), subjects.allKeysGone],
    toolApi,
  };
}
