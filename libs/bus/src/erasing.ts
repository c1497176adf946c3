import {
  FeedbackRecord,
  HandoverRecord,
  PostRecord,
  TitleRecord,
  encodeJson,
  messageIdOf,
  parseStored,
  readTurnRecord,
  streams,
  subjects,
  turnOfRecord,
  type ConversationId,
  type TurnId,
} from "@parley/protocol";
import { wrongLastSequence } from "./appender.ts";
import { wordlessPost, wordlessTurn } from "./erased-records.ts";
import type { EventLog } from "./event-log.ts";
import { createMentions, kindOfMention, type Mention, type MentionDeps } from "./mentions.ts";
import type { BrokerLink } from "./nats-connection.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { isNamedIn, pseudonymised, type Erased } from "./pseudonyms.ts";

export interface ErasingDeps {
  readonly link: BrokerLink;
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly shards: number;
  readonly opening: MentionDeps["opening"];
}

/** A record that somebody wrote, or of which they have a part. */
export interface Authored {
  readonly mention: Mention;
  readonly turn: TurnId;
  /** Their messages, and the answers to them: what viewers are to see as deleted. */
  readonly messageIds: readonly string[];
}

export type Erasing = ReturnType<typeof createErasing>;

/**
 * Takes single records of somebody out of conversations that stay. Each can be repeated, whoever else does the same: what is put in their place is written first, and what is already there counts.
 * For edges: others have no right to delete records.
 */
export function createErasing(deps: ErasingDeps) {
  const { jsm, events } = deps;
  return {
    ...createMentions(deps),

    /** What they wrote, or was answered to them; undefined: the record is somebody else's, or gone. */
    authored: (mention: Mention, user: string): Promise<Authored | undefined> => authored(jsm, mention, user),

    /** Puts the same record without words in its place. */
    blank: (conversation: ConversationId, mention: Mention, pseudonym: string): Promise<void> =>
      blank(deps, { conversation, mention, pseudonym }),

    /** Names them by their pseudonym in a record of which the last one counts. Returns whether it named them. */
    rename: (mention: Mention, erased: Erased): Promise<boolean> => rename(deps, mention, erased),

    /** Whether the title of a conversation may repeat what somebody has said: it is theirs, or nobody has given it. */
    async isTitleOf(conversation: ConversationId, user: string): Promise<boolean> {
      const shard = events.shardOf(conversation);
      const last = await jsm.lookUp(streams.log(shard), { last_by_subj: subjects.title(shard, conversation) });
      const record = last === null ? undefined : TitleRecord.safeParse(parseStored(last.data)).data;
      return record?.title !== undefined && (record.by?.id ?? user) === user;
    },

    /** Removes all on the subject of a record that names them. Returns whether it does: an id may be a word that stands in the records of everybody. */
    drop: (mention: Mention, user: string): Promise<boolean> => drop(jsm, mention, user),

    /** All facts of a turn. */
    async dropFacts(conversation: ConversationId, turn: TurnId): Promise<void> {
      const shard = events.shardOf(conversation);
      await jsm.streams.purge(streams.facts(shard), { filter: subjects.factsOfTurn(shard, conversation, turn) });
    },
  };
}

async function authored(jsm: PatientLookups, mention: Mention, user: string): Promise<Authored | undefined> {
  const found = await jsm.streams.getMessage(mention.stream, { seq: mention.seq });
  if (found === null || found.subject !== mention.subject) return undefined;
  const value = parseStored(found.data);
  const post = PostRecord.safeParse(value).data?.post;
  if (post === undefined) return authoredTurn(value, mention, user);
  return post.author.id === user ? { mention, turn: post.turn_id, messageIds: [post.message_id] } : undefined;
}

function authoredTurn(value: unknown, mention: Mention, user: string): Authored | undefined {
  const record = readTurnRecord(value);
  if (record === undefined) return undefined;
  const { turn_id, question, answer } = turnOfRecord(record, mention.seq);
  if (question?.author.id !== user && answer?.author.id !== user) return undefined;
  const asked = question === undefined ? [] : [question.message_id];
  return { mention, turn: turn_id, messageIds: [...asked, answer?.message_id ?? messageIdOf(turn_id, "assistant")] };
}

async function drop(jsm: PatientLookups, { stream, subject, seq }: Mention, user: string): Promise<boolean> {
  const found = await jsm.streams.getMessage(stream, { seq });
  if (found?.subject !== subject || !isNamedIn(parseStored(found.data), user)) return false;
  await jsm.streams.purge(stream, { filter: subject });
  return true;
}

interface Blanking {
  readonly conversation: ConversationId;
  readonly mention: Mention;
  readonly pseudonym: string;
}

async function blank({ jsm, events }: ErasingDeps, { conversation, mention, pseudonym }: Blanking): Promise<void> {
  const { stream, subject, seq } = mention;
  const found = await jsm.streams.getMessage(stream, { seq });
  if (found?.subject !== subject) return;
  const value = parseStored(found.data);
  const isPost = kindOfMention(mention) === "post";
  const turn = isPost ? undefined : readTurnRecord(value);
  const wordless = isPost ? wordlessPost(PostRecord.parse(value), pseudonym) : turn && wordlessTurn(turn, pseudonym);
  if (wordless === undefined) return;
  if (turn !== undefined && !("kind" in turn))
    await blankAnswer({ jsm, events }, { conversation, mention, pseudonym }, turn.turn_id);
  await replace({ jsm, events }, { conversation, mention, pseudonym }, wordless);
}

type Lookups = Pick<ErasingDeps, "jsm" | "events">;

/** Behind a question of version 1 stands its answer, in a record of its own that names nobody. */
const answerWithin = 64;

async function blankAnswer(deps: Lookups, blanking: Blanking, turnId: TurnId): Promise<void> {
  const { stream, subject, seq: questionSeq } = blanking.mention;
  for (let seq = questionSeq, looked = 0; looked < answerWithin; looked++) {
    const query = { seq: seq + 1, next_by_subj: subject };
    const next = await deps.jsm.streams.getMessage(stream, query);
    if (next === null) return;
    seq = next.seq;
    const record = readTurnRecord(parseStored(next.data));
    if (record === undefined || "kind" in record || record.turn_id !== turnId) continue;
    const mention = { stream, subject, seq };
    return replace(deps, { ...blanking, mention }, wordlessTurn(record, blanking.pseudonym));
  }
}

/** Killed behind each line, it is the same record once more for who comes next. */
async function replace({ jsm, events }: Lookups, { conversation, mention }: Blanking, wordless: object): Promise<void> {
  const { stream, subject, seq } = mention;
  const isPost = kindOfMention(mention) === "post";
  const data = encodeJson(wordless);
  const place = subjects.erased(events.shardOf(conversation), conversation, seq);
  const result = await events.append({ subject: place, data, expect: 0 });
  const isThere = result.kind === "stored" || (result.kind === "refused" && wrongLastSequence.has(result.code));
  if (!isThere) throw new Error(`what stands in the place of ${subject} could not be stored: ${result.kind}`);
  // The number of the next post is counted from the last one, which must not become an earlier one. Whoever posts meanwhile is behind it, and then this is refused.
  if (isPost) await events.append({ subject, data, expect: seq });
  await jsm.streams.deleteMessage(stream, seq).catch(notThere);
}

/** Somebody else was quicker. */
function notThere(error: unknown): void {
  if (!(error instanceof Error) || !/no message found|not found/i.test(error.message)) throw error;
}

async function rename(
  { jsm, events }: ErasingDeps,
  { stream, subject, seq }: Mention,
  erased: Erased,
): Promise<boolean> {
  const last = await jsm.streams.getMessage(stream, { last_by_subj: subject });
  if (last === null) return false;
  const before = parseStored(last.data);
  const after = pseudonymised(withoutTheirWords(before, erased), erased);
  const isNamed = JSON.stringify(before) !== JSON.stringify(after);
  if (isNamed) {
    const result = await events.append({ subject, data: encodeJson(renumbered(after)), expect: last.seq });
    if (result.kind !== "stored") throw new Error(`${subject} could not be changed: ${result.kind}`);
  }
  // Also what was written over: it may name them still.
  await jsm.streams.purge(stream, { filter: subject, keep: 1 });
  return isNamed || seq < last.seq;
}

/** What they said of answers is theirs, and goes; so does why a person was to answer them, which they said, or the agent of them. */
function withoutTheirWords(value: unknown, { user }: Erased): unknown {
  const handover = HandoverRecord.safeParse(value).data;
  if (handover !== undefined && (handover.user.id === user || handover.asked_by?.id === user)) {
    const { reason: _reason, ...rest } = handover;
    return rest;
  }
  const feedback = FeedbackRecord.safeParse(value).data;
  if (feedback === undefined) return value;
  return { ...feedback, entries: feedback.entries?.filter(({ user_id }) => user_id !== user) };
}

/** Later than what it stands behind, so that who goes by numbers takes it; what was told of the one before is told. */
function renumbered(value: unknown): object {
  const { told: _told, ...rest } = fieldsOf(value);
  const { n, changes } = rest;
  if (typeof n === "number") return { ...rest, n: n + 1 };
  const inner = fieldsOf(changes);
  return typeof inner["n"] === "number" ? { ...rest, changes: { ...inner, n: inner["n"] + 1 } } : rest;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
