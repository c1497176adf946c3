import { createHash } from "node:crypto";
import type { Bus, ShownTranscripts } from "@parley/bus";
import {
  ChatError,
  standingAmong,
  type Caller,
  type ConversationId,
  type MessageChanges,
  type PostEvent,
  type TranscriptMessage,
} from "@parley/protocol";

export interface ExportDeps {
  readonly bus: Pick<
    Bus,
    | "changes"
    | "conversations"
    | "documents"
    | "feedback"
    | "files"
    | "memories"
    | "noticeRecords"
    | "owners"
    | "people"
    | "posts"
    | "titles"
    | "usage"
  >;
  /** As they stand now. */
  readonly transcripts: ShownTranscripts;
  /** Accounts elsewhere, without their secrets; undefined: nobody can connect one here. */
  readonly accounts: { readonly listOf: (owner: Whose) => Promise<readonly object[]> } | undefined;
  /** Sign-ins at the page; undefined: nobody can sign in here. */
  readonly sessions: { readonly list: (user: string) => Promise<readonly object[]> } | undefined;
}

/** Whose data; a caller is one. */
export type Whose = Pick<Caller, "tenant" | "roles"> & { readonly user: Caller["user"] };

/** One line of it. `kind` says what it is. */
export type ExportLine = Readonly<Record<string, unknown>> & { readonly kind: string };

export type Exports = ReturnType<typeof createExports>;

const pageMessages = 100;
const pageRecords = 500;
/** At once in one process, and how long a user waits for the next one: each looks through what is stored of everybody. */
const atOnce = 2;
const everyMs = 60_000;
const mostRemembered = 10_000;

/** All that is kept of somebody, as lines of JSON, read as its reader takes them: no more than a page is in memory. */
export function createExports(deps: ExportDeps) {
  const startedMs = new Map<string, number>();
  let running = 0;

  const enter = (user: string): void => {
    const waitMs = (startedMs.get(user) ?? -Infinity) + everyMs - performance.now();
    if (waitMs > 0 || running >= atOnce)
      throw new ChatError("RATE_LIMITED", {
        message: "Everything can be exported once a minute, and by few people at a time. Try again later.",
        retryAfterMs: Math.max(5_000, waitMs),
      });
    startedMs.delete(user);
    startedMs.set(user, performance.now());
    const [oldest] = startedMs.keys();
    if (startedMs.size > mostRemembered && oldest !== undefined) startedMs.delete(oldest);
  };

  return {
    /**
     * Throws RATE_LIMITED at once. The last line is of the kind `end`, with how many there are before it and the SHA-256 of all of them: what has none is not whole. Rejects in the middle where a store does not answer, or `signal` is aborted.
     */
    of(whose: Whose, signal: AbortSignal): AsyncGenerator<string, void> {
      enter(whose.user.id);
      return (async function* () {
        running++;
        try {
          yield* withEnd(linesOf(deps, whose, signal), signal);
        } finally {
          running--;
        }
      })();
    },
  };
}

async function* withEnd(lines: AsyncIterable<ExportLine>, signal: AbortSignal): AsyncGenerator<string, void> {
  const hash = createHash("sha256");
  let count = 0;
  for await (const one of lines) {
    signal.throwIfAborted();
    const line = `${JSON.stringify(one)}\n`;
    hash.update(line);
    count++;
    yield line;
  }
  yield `${JSON.stringify({ kind: "end", lines: count, sha256: hash.digest("hex") })}\n`;
}

async function* linesOf(deps: ExportDeps, whose: Whose, signal: AbortSignal): AsyncGenerator<ExportLine, void> {
  const { bus, accounts, sessions } = deps;
  const { user, tenant } = whose;
  yield { kind: "export", v: 1, user, tenant, made_at: new Date().toISOString() };
  const { enabled, facts } = await bus.memories.of({ user: user.id, tenant });
  yield { kind: "memory", enabled, facts };
  yield await noticesOf(deps, whose);
  for (const document of (await bus.documents.list(tenant)).documents)
    if (document.by === user.id) yield { ...document, kind: "document", format: document.kind };
  yield* filesOf(deps, whose);
  for (const account of (await accounts?.listOf(whose)) ?? []) yield { kind: "connection", ...account };
  for (const session of (await sessions?.list(user.id)) ?? []) yield { kind: "session", ...session };
  yield* usageOf(deps, whose);
  const found = await bus.conversations.ownedBy(new Set([user.id]), signal);
  for (const conversation of found.get(user.id) ?? []) yield* conversationOf(deps, whose, conversation);
}

/** Without what lets anybody send to their browsers, and what they were signed in with. */
async function noticesOf({ bus }: ExportDeps, { user, tenant }: Whose): Promise<ExportLine> {
  const { wants, devices } = await bus.noticeRecords.of(user.id);
  const own = devices.filter((one) => one.tenant === tenant);
  return {
    ...{ kind: "notices", wants },
    devices: own.map(({ id, name, language, added_at, seen_at }) => ({ id, name, language, added_at, seen_at })),
  };
}

/** A file, and then its bytes in the lines behind it, in base64. */
async function* filesOf({ bus: { files } }: ExportDeps, { user, tenant }: Whose): AsyncGenerator<ExportLine, void> {
  // Also what tools have made for them, which no list of theirs has.
  for await (const record of files.ofTenant(tenant)) {
    if (record.user !== user.id) continue;
    const { file_id, name, media_type, bytes, sha256, conversation_id, created_at, status } = record;
    yield { kind: "file", file_id, name, media_type, bytes, sha256, conversation_id, created_at, status };
    if (status !== "stored") continue;
    let at = 0;
    for await (const part of files.bytesOf(record)) {
      for (let from = 0; from < part.length; from += pieceBytes) {
        const piece = part.subarray(from, from + pieceBytes);
        yield { kind: "bytes", file_id, at, base64: Buffer.from(piece).toString("base64") };
        at += piece.length;
      }
    }
  }
}

/** Of one line; each is decoded by itself. */
const pieceBytes = 96 * 1024;

async function* usageOf({ bus }: ExportDeps, { user, tenant }: Whose): AsyncGenerator<ExportLine, void> {
  let after: number | undefined;
  do {
    const page = await bus.usage.page({
      limit: pageRecords,
      after,
      matches: (record) => record.user === user.id && record.tenant === tenant,
    });
    for (const { v: _v, user: _user, ...record } of page.records) yield { ...record, kind: "usage" };
    after = page.next;
  } while (after !== undefined);
}

/** What they may read of it now: who has left a conversation has no more part in it. */
async function* conversationOf(
  deps: ExportDeps,
  whose: Whose,
  conversation_id: ConversationId,
): AsyncGenerator<ExportLine, void> {
  const { bus } = deps;
  const [record, owner] = await Promise.all([bus.people.of(conversation_id), bus.owners.ownerOf(conversation_id)]);
  const people = record?.people;
  const isOwn = owner?.userId === whose.user.id && owner.tenant === whose.tenant;
  const standing = people === undefined ? (isOwn ? "owner" : "none") : standingAmong(people, whose);
  if (standing === "none") return;
  const [title, feedback] = await Promise.all([bus.titles.of(conversation_id), bus.feedback.of(conversation_id)]);
  const members = people === undefined ? undefined : [people.owner, ...people.members];
  yield { kind: "conversation", conversation_id, title, standing, members };
  yield* messagesOf(deps, conversation_id);
  if (people !== undefined) yield* postsOf(deps, conversation_id);
  for (const { user_id, ...said } of feedback)
    if (user_id === whose.user.id) yield { kind: "feedback", conversation_id, ...said };
}

/** All branches, each page from its oldest turn on, the newest page first: `parent` and `supersedes` say how they hang together. */
async function* messagesOf(deps: ExportDeps, conversation_id: ConversationId): AsyncGenerator<ExportLine, void> {
  let before = 0;
  do {
    const page = await deps.transcripts.tail(conversation_id, { limit: pageMessages, before });
    const messages = page.turns
      .flatMap(({ question, answer }) => [question, answer])
      .filter((one) => one !== undefined);
    yield* shown(deps, conversation_id, messages);
    before = page.before;
  } while (before > 0);
}

async function* postsOf(deps: ExportDeps, conversation_id: ConversationId): AsyncGenerator<ExportLine, void> {
  let from: number | undefined;
  do {
    const page = await deps.bus.posts.tail(conversation_id, { limit: pageMessages, from });
    yield* shown(
      deps,
      conversation_id,
      page.posts.map(({ post }) => post),
    );
    from = page.before;
  } while (from > 0);
}

/** A message as it was written, beside what became of it. One that was deleted has no words any more. */
async function* shown(
  { bus }: ExportDeps,
  conversation_id: ConversationId,
  messages: readonly (TranscriptMessage | PostEvent)[],
): AsyncGenerator<ExportLine, void> {
  const changes = await bus.changes.read(
    conversation_id,
    messages.map(({ message_id }) => message_id),
  );
  for (const message of messages) {
    const now = changes.get(message.message_id);
    yield { ...wordsNow(message, now), kind: "message", conversation_id, ...(now && { changes: now }) };
  }
}

function wordsNow(message: TranscriptMessage | PostEvent, now: MessageChanges | undefined): object {
  if (now?.deleted_at === undefined) return message;
  const { message_id, turn_id, author, ts } = message;
  return { message_id, turn_id, author, ts, message: "" };
}
