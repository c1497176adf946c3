import type { Bus, ShownTranscripts } from "@parley/bus";
import {
  changedMessage,
  transcriptOfPost,
  ChatError,
  type Author,
  type ConversationId,
  type StoredTurn,
  type TurnId,
} from "@parley/protocol";
import type { PeopleOf } from "../known-people.ts";
import { createFairGate } from "../../fair-gate.ts";
import type { BeginningOf } from "./beginnings.ts";
import type { ConversationIndex, IndexEntry, PagePlace } from "./conversation-index.ts";
import type { ChangesOf } from "./shown-changes.ts";
import { createTextMatch, excerptOf, scoreOf, type Excerpt, type TextHits, type TextMatch } from "./text-match.ts";

export interface MessageSearchDeps {
  /** Turns as they stand now. */
  readonly bus: Pick<Bus, "titles" | "posts"> & { readonly transcripts: Pick<ShownTranscripts, "tail"> };
  readonly index: Pick<ConversationIndex, "page">;
  readonly peopleOf: PeopleOf;
  readonly beginningOf: BeginningOf;
  readonly changesOf: ChangesOf;
}

export interface SearchQuery {
  readonly userId: string;
  readonly words: string;
  readonly limit: number;
  /** Whether the caller may see it: a user may be of several tenants, and each sees what was begun in it. */
  readonly isOwn: (conversation: ConversationId) => Promise<boolean>;
}

/** `operator`: a person who answers in place of the agent. */
type SpeakerRole = "user" | "assistant" | "operator";

/** Where the words of a search were said, or that the title has them. */
export interface SearchHit {
  readonly conversation_id: ConversationId;
  readonly title: string;
  readonly updated_at: number;
  readonly score: number;
  /** Absent: they are in the title alone. */
  readonly turn_id?: TurnId;
  readonly role?: SpeakerRole;
  readonly excerpt?: Excerpt;
}

export interface SearchResult {
  readonly hits: readonly SearchHit[];
  /** False: there is more than what was looked through. */
  readonly isWhole: boolean;
}

/** Searches take turns: each is many look-ups, and looks through megabytes. */
const searches = { atOnce: 2, perUser: 2 };
/** Who has waited for longer is told so: each search may take seconds, and any number of users may want one. */
const mostWaitMs = 10_000;
const mostConversations = 200;
const conversationsAtOnce = 2;
const pageEntries = 40;
const pageMessages = 10;
const mostPages = 20;
const mostBytes = 8 * 1024 * 1024;
const mostMs = 5_000;
const hitsPerConversation = 3;
/** For so long others wait. */
const workMs = 4;

/** What is left to be looked through. */
interface Budget {
  conversations: number;
  bytes: number;
  readonly deadline: number;
  /** Something was left out. */
  isCut: boolean;
}

/**
 * Looks through what was said in a user's newest conversations, from the log, each time anew: nothing is kept of it anywhere. Bounded by conversations, messages
 * of each, bytes and time, and never at work for longer than some milliseconds.
 */
export function createMessageSearch(deps: MessageSearchDeps) {
  const { index } = deps;
  const enter = createFairGate(searches);

  const search = async (query: SearchQuery): Promise<SearchResult> => {
    const match = createTextMatch(query.words, createRest());
    if (match.wanted.length === 0) return { hits: [], isWhole: true };
    const budget: Budget = {
      ...{ conversations: mostConversations, bytes: mostBytes, isCut: false },
      deadline: performance.now() + mostMs,
    };
    const hits: SearchHit[] = [];
    let place: PagePlace | undefined;
    do {
      const page = await index.page(query.userId, pageEntries, place);
      for (let from = 0; from < page.entries.length; from += conversationsAtOnce) {
        const some = page.entries.slice(from, from + conversationsAtOnce);
        const found = await Promise.all(
          some.map((entry) => hitsOf(deps, entry, { match, budget, isOwn: query.isOwn })),
        );
        hits.push(...found.flat());
      }
      place = page.next;
    } while (place !== undefined && !isSpent(budget));
    return { hits: best(hits, query.limit), isWhole: place === undefined && !budget.isCut };
  };

  /** The best ones first. Throws INVALID_FRAME where the search is too long, RATE_LIMITED where too many of the user are under way, OVERLOADED where those of others take too long. */
  return (query: SearchQuery): Promise<SearchResult> => {
    const askedMs = performance.now();
    return enter(query.userId, async () => {
      if (performance.now() - askedMs > mostWaitMs) throw tooManySearches();
      return search(query);
    });
  };
}

function tooManySearches(): ChatError {
  const message = "Too many searches are under way. Try again shortly.";
  return new ChatError("OVERLOADED", { message, retryAfterMs: 5_000 });
}

function best(hits: readonly SearchHit[], limit: number): SearchHit[] {
  return hits.toSorted((a, b) => b.score - a.score || b.updated_at - a.updated_at).slice(0, limit);
}

function isSpent(budget: Budget): boolean {
  const isOver = budget.conversations <= 0 || budget.bytes <= 0 || performance.now() > budget.deadline;
  if (isOver) budget.isCut = true;
  return isOver;
}

/** Undefined: there is no need yet. */
function createRest(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < workMs) return undefined;
    return new Promise((done) =>
      setImmediate(() => {
        since = performance.now();
        done();
      }),
    );
  };
}

interface SearchPass {
  readonly match: TextMatch;
  readonly budget: Budget;
  readonly isOwn: SearchQuery["isOwn"];
}

async function hitsOf(
  deps: MessageSearchDeps,
  entry: IndexEntry,
  { match, budget, isOwn }: SearchPass,
): Promise<SearchHit[]> {
  const { bus, peopleOf, beginningOf } = deps;
  const { conversation_id, updated_at } = entry;
  if (isSpent(budget)) return [];
  budget.conversations--;
  if (!(await isOwn(conversation_id))) return [];
  const title = (await bus.titles.of(conversation_id)) ?? (await beginningOf(entry));
  const about = { conversation_id, title, updated_at };
  const inTitle = await match.hitsIn(title);
  const also = inTitle.words.map(({ count }) => count > 0);
  const hits: SearchHit[] = [];
  const look = async (turn: SearchedTurn): Promise<void> => {
    const hit = await hitIn(turn, match, also);
    if (hit !== undefined) hits.push({ ...about, ...hit });
  };
  for await (const turn of turnsOf(bus, conversation_id, budget)) await look(turn);
  const hasPosts = (await peopleOf(conversation_id)) !== undefined;
  if (hasPosts) for await (const post of postsOf(deps, conversation_id, budget)) await look(post);
  if (hits.length === 0 && also.every(Boolean)) return [{ ...about, score: scoreOf(inTitle, []) }];
  return best(hits, hitsPerConversation);
}

/** The newest first. */
async function* turnsOf(
  { transcripts }: Pick<MessageSearchDeps["bus"], "transcripts">,
  conversation: ConversationId,
  budget: Budget,
): AsyncGenerator<StoredTurn> {
  let before = 0;
  for (let pages = 0; pages < mostPages && !isSpent(budget); pages++) {
    const page = await transcripts.tail(conversation, { limit: pageMessages, before });
    for (const turn of page.turns.toReversed()) {
      budget.bytes -= textsOf(turn).reduce((bytes, { text }) => bytes + Buffer.byteLength(text), 0);
      yield turn;
    }
    before = page.before;
    if (before === 0) return;
  }
  budget.isCut = true;
}

/** What people wrote to each other, the newest first. */
async function* postsOf(
  { bus: { posts }, changesOf }: MessageSearchDeps,
  conversation: ConversationId,
  budget: Budget,
): AsyncGenerator<SearchedTurn> {
  let from: number | undefined;
  for (let pages = 0; pages < mostPages && !isSpent(budget); pages++) {
    const page = await posts.tail(conversation, { limit: pageMessages, from });
    const written = page.posts.map(({ post }) => transcriptOfPost(post));
    const changes = await changesOf(conversation, written);
    for (const post of written.toReversed()) {
      const question = changedMessage(post, changes.get(post.message_id));
      budget.bytes -= Buffer.byteLength(question.message);
      yield { turn_id: post.turn_id, question };
    }
    if (page.before === 0) return;
    from = page.before;
  }
  budget.isCut = true;
}

/** A turn, or a post: one without an answer. */
type SearchedTurn = Pick<StoredTurn, "turn_id" | "question" | "answer">;

function textsOf({ question, answer }: SearchedTurn): { readonly role: SpeakerRole; readonly text: string }[] {
  return [
    ...(question === undefined ? [] : [{ role: roleOf(question.author), text: question.message }]),
    ...(answer === undefined ? [] : [{ role: "assistant" as const, text: answer.message }]),
  ];
}

function roleOf({ role }: Author): SpeakerRole {
  return role === "operator" ? role : "user";
}

/** A turn in which all words were said, but for those that the title has. */
async function hitIn(
  turn: SearchedTurn,
  match: TextMatch,
  also: readonly boolean[],
): Promise<Pick<SearchHit, "turn_id" | "role" | "score" | "excerpt"> | undefined> {
  const found: { role: SpeakerRole; text: string; hits: TextHits }[] = [];
  for (const one of textsOf(turn)) found.push({ ...one, hits: await match.hitsIn(one.text) });
  const words = match.wanted.map((_, index) => ({
    count: found.reduce((count, { hits }) => count + (hits.words[index]?.count ?? 0), 0),
    isWhole: found.some(({ hits }) => hits.words[index]?.isWhole === true),
  }));
  const shown = found.toSorted((a, b) => scoreOf(b.hits, []) - scoreOf(a.hits, []))[0];
  const first = shown?.hits.first;
  if (shown === undefined || first === undefined) return undefined;
  if (!words.every(({ count }, index) => count > 0 || also[index] === true)) return undefined;
  const score = scoreOf({ words, first }, also);
  return { turn_id: turn.turn_id, role: shown.role, score, excerpt: excerptOf(shown.text, first) };
}
