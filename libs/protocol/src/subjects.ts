import type { AuditChannel } from "./audit.ts";
import { fileSubjects } from "./file-subjects.ts";
import type { CallId, ConversationId, TurnId } from "./ids.ts";

/** What is said on which subject: this file and `file-subjects.ts` are the only ones that know. */

const stored = "chat.ev";
const live = "chat.live";
const facts = "chat.fact";
const audit = "chat.audit";
/** Below a turn: its chain, which only the agent worker that has the turn writes. */
export const agentChannel = "a";
const changedChannel = "user.changed";
/** Begins the hash of a scope that is of a file a tool gives back: no hash has such a letter. */
export const toolKeyMark = "t~";

export const subjects = {
  allTurns: "chat.turns.*",
  turns: (conversation: ConversationId): string => `chat.turns.${conversation}`,

  allEvents: (shard: number): string => `${stored}.${shard}.>`,
  allLive: (shard: number): string => `${live}.${shard}.>`,
  eventsOf: (shard: number, conversation: ConversationId): string => `${stored}.${shard}.${conversation}.>`,
  liveOf: (shard: number, conversation: ConversationId): string => `${live}.${shard}.${conversation}.>`,

  /** The conversation's title, as viewers are told of it: compare-and-set. One token, so that readers of turns pass over it. */
  titleEvent: (shard: number, conversation: ConversationId): string => `${stored}.${shard}.${conversation}.title`,

  /** Whether a person answers in place of the agent, as viewers are told of it: compare-and-set. */
  handoverEvent: (shard: number, conversation: ConversationId): string => `${stored}.${shard}.${conversation}.handover`,

  /** The message of the user: write-once. */
  user: (shard: number, conversation: ConversationId, turn: TurnId): string =>
    `${stored}.${shard}.${conversation}.${turn}.user`,
  /** The message once more, after its author has changed it while it waited: compare-and-set. */
  changedMessage: (shard: number, conversation: ConversationId, turn: TurnId): string =>
    `${stored}.${shard}.${conversation}.${turn}.${changedChannel}`,
  /** The agent's chain: one writer, fenced. */
  agent: (shard: number, conversation: ConversationId, turn: TurnId): string =>
    `${stored}.${shard}.${conversation}.${turn}.${agentChannel}`,
  /** A request to cancel: write-once. */
  control: (shard: number, conversation: ConversationId, turn: TurnId): string =>
    `${stored}.${shard}.${conversation}.${turn}.ctl`,
  /** The result of a tool call: write-once, the first result wins. */
  toolResult: (shard: number, conversation: ConversationId, turn: TurnId, call: CallId): string =>
    `${stored}.${shard}.${conversation}.${turn}.tool.${call}`,
  /** Written once before a tool that changes something runs, so that it can never run a second time. */
  toolBegun: (shard: number, conversation: ConversationId, turn: TurnId, call: CallId): string =>
    `${stored}.${shard}.${conversation}.${turn}.toolb.${call}`,
  /** Display only. */
  toolProgress: (shard: number, conversation: ConversationId, turn: TurnId, call: CallId): string =>
    `${stored}.${shard}.${conversation}.${turn}.toolp.${call}`,
  /** A person must agree to a call: write-once. */
  approvalRequired: (shard: number, conversation: ConversationId, turn: TurnId, call: CallId): string =>
    `${stored}.${shard}.${conversation}.${turn}.asked.${call}`,
  /** How that was decided: write-once. */
  approvalDecided: (shard: number, conversation: ConversationId, turn: TurnId, call: CallId): string =>
    `${stored}.${shard}.${conversation}.${turn}.approval.${call}`,
  /** Makes room above a sequence: write-once, so that all edges that need room above the same one make one. */
  mark: (shard: number, conversation: ConversationId, turn: TurnId, aboveSeq: number | "*"): string =>
    `${stored}.${shard}.${conversation}.${turn}.mark.${aboveSeq}`,
  liveToolResults: (shard: number, conversation: ConversationId, turn: TurnId): string =>
    `${live}.${shard}.${conversation}.${turn}.tool.*`,
  liveApprovalRequests: (shard: number, conversation: ConversationId, turn: TurnId): string =>
    `${live}.${shard}.${conversation}.${turn}.asked.*`,
  allLiveControl: (shard: number): string => `${live}.${shard}.*.*.ctl`,

  /** JetStream's own: asks a pull consumer for messages. */
  pull: (stream: string, consumer: string): string => `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,

  /** JetStream's own: asks any copy of a stream for one message; a subject behind it asks for the last one there. */
  directGet: (stream: string): string => `$JS.API.DIRECT.GET.${stream}`,

  /** Not stored: what a process sends to itself to see that the broker delivers. */
  canary: (process: string): string => `chat.canary.${process}`,

  /** Not stored: tells every edge that all of the conversation up to now was deleted. */
  deleted: (shard: number, conversation: ConversationId): string => `chat.deleted.${shard}.${conversation}`,
  allDeleted: "chat.deleted.*.*",
  /** Not stored, among agent workers: a turn of the conversation has left the queue, so the next one may begin. */
  turnLeft: (conversation: ConversationId): string => `chat.agent.left.${conversation}`,
  /** Not stored: asks all agent workers which of them runs a turn. Only that one answers, to `agentAnswer`. */
  agentQuestion: "chat.agent.runs",
  agentAnswer: (question: string): string => `chat.agent.answer.${question}`,
  /** All that agent workers say to each other. */
  allAgents: "chat.agent.>",

  /** What decides, for longer than events are kept: write-once. `call`: of the kinds that are about one. */
  fact: (
    shard: number,
    conversation: ConversationId,
    turn: TurnId,
    { kind, call }: { kind: string; call?: CallId },
  ): string => `${facts}.${shard}.${conversation}.${turn}.${kind}${call === undefined ? "" : `.${call}`}`,
  /** Decisions of people, of all turns: what the workers' consumer `wake` gets. */
  allDecisions: (shard: number): string => `${facts}.${shard}.*.*.decided.*`,
  factsOfTurn: (shard: number, conversation: ConversationId, turn: TurnId): string =>
    `${facts}.${shard}.${conversation}.${turn}.>`,
  factsOf: (shard: number, conversation: ConversationId): string => `${facts}.${shard}.${conversation}.>`,
  allFacts: (shard: number): string => `${facts}.${shard}.>`,

  log: (shard: number, conversation: ConversationId): string => `chat.log.${shard}.${conversation}`,
  allLog: (shard: number): string => `chat.log.${shard}.*`,
  /** Whose conversation it is: write-once, kept with the transcripts. */
  owner: (shard: number, conversation: ConversationId): string => `chat.owner.${shard}.${conversation}`,
  allOwners: (shard: number): string => `chat.owner.${shard}.*`,
  /** The titles of a conversation, kept with the transcripts: compare-and-set, the last one counts. */
  title: (shard: number, conversation: ConversationId): string => `chat.title.${shard}.${conversation}`,
  allTitles: (shard: number): string => `chat.title.${shard}.*`,

  /** What people said of the answers of a conversation, kept with the transcripts: compare-and-set, the last one counts. */
  feedback: (shard: number, conversation: ConversationId): string => `chat.feedback.${shard}.${conversation}`,
  allFeedback: (shard: number): string => `chat.feedback.${shard}.*`,

  /** What the beginning of a conversation came to, kept with the transcripts: compare-and-set, the last one counts. */
  summary: (shard: number, conversation: ConversationId): string => `chat.summary.${shard}.${conversation}`,
  allSummaries: (shard: number): string => `chat.summary.${shard}.*`,
  /** Whether a person answers in place of the agent, kept with the transcripts: compare-and-set, the last one counts. */
  handover: (shard: number, conversation: ConversationId): string => `chat.handover.${shard}.${conversation}`,
  allHandovers: (shard: number): string => `chat.handover.${shard}.*`,

  /** Who has a part in a conversation, kept with the transcripts: compare-and-set, the last one counts. */
  people: (shard: number, conversation: ConversationId): string => `chat.people.${shard}.${conversation}`,
  allPeople: (shard: number): string => `chat.people.${shard}.*`,
  /** What people wrote to each other, kept with the transcripts: a chain, compare-and-set. */
  post: (shard: number, conversation: ConversationId): string => `chat.post.${shard}.${conversation}`,
  allPosts: (shard: number): string => `chat.post.${shard}.*`,
  /** What became of a message after it was written, kept with the transcripts: compare-and-set, the last one counts. */
  change: (shard: number, conversation: ConversationId, message: string): string =>
    `chat.change.${shard}.${conversation}.${message}`,
  changesOf: (shard: number, conversation: ConversationId): string => `chat.change.${shard}.${conversation}.*`,
  allChanges: (shard: number): string => `chat.change.${shard}.*.*`,
  /** How far a user has read, by the hash of the user, kept with the transcripts: the last one counts. */
  read: (shard: number, conversation: ConversationId, user: string): string =>
    `chat.read.${shard}.${conversation}.${user}`,
  readsOf: (shard: number, conversation: ConversationId): string => `chat.read.${shard}.${conversation}.*`,
  allReads: (shard: number): string => `chat.read.${shard}.*.*`,

  /** What stands in the place of a record that was erased, by its sequence in `LOG`: write-once, before that goes. It has no words. */
  erased: (shard: number, conversation: ConversationId, seq: number | "*"): string =>
    `chat.erased.${shard}.${conversation}.${seq}`,
  allErased: (shard: number): string => `chat.erased.${shard}.*.*`,

  /** For permissions: all events of a conversation that are of no turn. */
  eventOfConversation: (shard: number, conversation: ConversationId): string => `${stored}.${shard}.${conversation}.*`,
  /** As viewers are told of people: compare-and-set. One token each, so that readers of turns pass over them. */
  memberEvent: (shard: number, conversation: ConversationId): string => `${stored}.${shard}.${conversation}.member`,
  /** As viewers are told of posts: compare-and-set, in the order of their numbers. */
  postEvent: (shard: number, conversation: ConversationId): string => `${stored}.${shard}.${conversation}.post`,
  /** As viewers are told of the changes of a message: compare-and-set. */
  changeEvent: (shard: number, conversation: ConversationId, message: string): string =>
    `${stored}.${shard}.${conversation}.change-${message}`,

  /** Not stored: what edges tell each other of who is there, who types and who has read on. */
  signal: (shard: number, conversation: ConversationId): string => `chat.signal.${shard}.${conversation}`,
  allSignals: "chat.signal.*.*",

  /** A token of the tool workers, by the hash of what it is for: compare-and-set, the last one counts. */
  token: (hash: string): string => `chat.token.${hash}`,
  allTokens: "chat.token.*",
  /** A person's account at a server of tools, by the hash of whose and where: compare-and-set, the last one counts. */
  connection: (hash: string): string => `chat.connection.${hash}`,
  allConnections: "chat.connection.*",

  /** Which documents a tenant has: compare-and-set, the last one counts and has all. `tenant`: its token, see `createDocumentStore`. */
  documentList: (tenant: string): string => `chat.document.${tenant}.list`,
  /** A part of one version of a document: write-once. */
  documentPart: (tenant: string, version: string, part: number | "*"): string =>
    `chat.document.${tenant}.part.${version}.${part}`,
  allDocuments: "chat.document.>",
  /** Not stored: what an edge asks agent workers about documents. One of them answers, to `documentAnswer`. */
  documentQuestion: "chat.documents.ask",
  documentAnswer: (edge: string, question: string): string => `chat.documents.answer.${edge}.${question}`,
  allDocumentAnswers: "chat.documents.answer.>",

  /** What was revoked, by the hash of what it is: compare-and-set, the last one counts. */
  revoked: (hash: string): string => `chat.gate.revoked.${hash}`,
  allRevoked: "chat.gate.revoked.*",

  /** What is remembered of a user, by the hash of tenant and user: compare-and-set, the last one counts. */
  memory: (hash: string): string => `chat.memory.${hash}`,
  allMemories: "chat.memory.*",

  /** A legal hold, by the hash of what is held: there for as long as it holds. */
  hold: (hash: string): string => `chat.privacy.hold.${hash}`,
  /** Somebody who wants to be forgotten, by the hash of who: compare-and-set, the last one counts. */
  erasure: (hash: string): string => `chat.privacy.erasure.${hash}`,
  /** Which process does the work of the deployment: compare-and-set. */
  lease: (name: string): string => `chat.privacy.lease.${name}`,
  /** How far the sweep of old conversations is: compare-and-set. */
  sweep: "chat.privacy.sweep",
  allPrivacy: "chat.privacy.>",
  /** What a user wants to be told, and where, by the hash of the user: compare-and-set, the last one counts. */
  notices: (hash: string): string => `chat.notices.${hash}`,
  allNotices: "chat.notices.*",

  /** Who did what in a conversation. `tenant`: its token, see `createAuditLog`. */
  audit: (channel: Exclude<AuditChannel, "admin">, tenant: string, conversation: ConversationId): string =>
    `${audit}.${channel}.${tenant}.${conversation}`,
  auditAdmin: (action: string): string => `${audit}.admin.${action}`,
  /** Of one conversation, whoever wrote it. */
  auditOf: (conversation: ConversationId): string => `${audit}.*.*.${conversation}`,
  allAudit: `${audit}.>`,

  /** All bookings of one day at the workshop: compare-and-set, the last one counts. `tenant`: its token, `date`: YYYY-MM-DD. */
  workshopDay: (tenant: string, date: string): string => `chat.workshop.day.${tenant}.${date}`,
  /** What a user is about to book, so that two bookings at one moment know of each other: compare-and-set, the last one counts. `tenant`, `user`: their tokens. */
  workshopPerson: (tenant: string, user: string): string => `chat.workshop.person.${tenant}.${user}`,
  /** By which a stream that was lost and made again is known: write-once. */
  workshopId: "chat.workshop.id",
  allWorkshop: "chat.workshop.>",
  /** What a turn has used, by the hashes of its tenant and user. */
  usage: (tenant: string, user: string): string => `chat.usage.${tenant}.${user}`,
  allUsage: "chat.usage.*.*",

  /** The data key of one scope, wrapped, by the hash of the scope: compare-and-set, the last one counts. */
  key: (hash: string): string => `chat.${hash.startsWith(toolKeyMark) ? "toolkey" : "key"}.${hash}`,
  allKeys: "chat.key.*",
  /** Of files that tools give back: tool workers make these, and may write no other. */
  allToolKeys: "chat.toolkey.*",
  /** Not stored: tells every process to forget a data key. */
  keyGone: (hash: string): string => `chat.keygone.${hash}`,
  allKeysGone: "chat.keygone.*",

  ...fileSubjects,
} as const;

/** What an event subject says about its event. */
export interface EventAddress {
  readonly shard: number;
  readonly conversation: ConversationId;
  readonly turn: TurnId;
  readonly channel: string;
}

/** Splits `chat.ev.<s>.<conv>.<turn>.<channel…>` or its live twin; undefined when it is neither. */
export function parseEventSubject(subject: string): EventAddress | undefined {
  const [chat, kind, shard, conversation, turn, ...channel] = subject.split(".");
  if (chat !== "chat" || (kind !== "ev" && kind !== "live")) return undefined;
  if (conversation === undefined || turn === undefined || channel.length === 0) return undefined;
  return { shard: Number(shard), conversation, turn, channel: channel.join(".") };
}

/** Whether an event is a message that was changed while it waited, and not the beginning of its turn. */
export function isChangedMessage(subject: string): boolean {
  return subject.endsWith(`.${changedChannel}`);
}

/** The conversation of an event, of a turn's or of its own. */
export function conversationOfSubject(subject: string): ConversationId | undefined {
  return subject.split(".", 4)[3];
}

/** What a stored message is, for logs: `user`, `a`, `ctl`, `tool`, … of an event, else the stream: `turns`, `log`, `owner`. */
export function kindOfSubject(subject: string): string {
  return parseEventSubject(subject)?.channel.split(".", 1)[0] ?? subject.split(".", 2)[1] ?? "";
}

/** The shard an event subject names, wildcards at its end or not. */
export function shardOfSubject(subject: string): number {
  return Number(subject.split(".", 3)[2]);
}

/**
 * The shard of a conversation: FNV-1a over its characters, so that every process and language agrees. `shards` is fixed for a deployment.
 */
export function shardOf(conversation: ConversationId, shards: number): number {
  if (shards === 1) return 0;
  let hash = 0x811c9dc5;
  for (let i = 0; i < conversation.length; i++) hash = Math.imul(hash ^ conversation.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shards;
}
