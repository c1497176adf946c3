import { RangeTooLargeError, type Bus, type PathPage } from "@parley/bus";
import { decodeVisible } from "@parley/dialects";
import {
  isTerminal,
  messageIdOf,
  messagesOf,
  subjects,
  type Changes,
  transcriptOfPost,
  type ConversationId,
  type StoredTurn,
  type TranscriptMessage,
  type TurnId,
} from "@parley/protocol";
import { deliveryLimits } from "../delivery/delivery-limits.ts";
import type { History, Queued } from "./history.ts";
import { shownHandover } from "./shown-handover.ts";
import { roomNumberIn, type Peopled } from "./shown-room.ts";
import { isLive, type Hub } from "./hub.ts";
import type { Known, Ring } from "./ring.ts";
import { isChange, postIn } from "./visible-event.ts";
import { createWhole, type Past, type Whole } from "./whole.ts";

export interface WholeReadingDeps {
  readonly history: Pick<History, "queued" | "confirm" | "root" | "startOf">;
  readonly events: Pick<Bus["events"], "last">;
  readonly transcripts: Pick<Bus["transcripts"], "tail" | "path" | "find">;
  /** See `createWaiting`. */
  readonly lookOnce: (hub: Hub) => Promise<void>;
  readonly titles: Pick<Bus["titles"], "shown">;
  readonly feedback: Pick<Bus["feedback"], "of">;
  readonly handovers: Pick<Bus["handovers"], "of">;
  readonly changes: Pick<Bus["changes"], "of">;
  readonly posts: Pick<Bus["posts"], "shown" | "find">;
  readonly room: RoomReading;
  /** Whether this process has seen that a message of it was changed. */
  readonly isChanged: (conversation: ConversationId) => boolean;
}

/** The people of conversations; undefined: nobody but its owner has a part in it, and nothing of others is looked for. */
export interface RoomReading {
  /** As this process remembers them now. */
  readonly known: (conversation: ConversationId) => Peopled | undefined;
  /** The same; looked up where it remembers nothing of the conversation. */
  readonly find: (conversation: ConversationId) => Promise<Peopled | undefined>;
  /** As they are stored. */
  readonly lookUp: (conversation: ConversationId) => Promise<Peopled | undefined>;
}

/** What those need who wait for it. */
export interface WholeNeeds {
  /** The stream sequence from which on one of them is to be told each end by itself; undefined: none is. */
  readonly fromSeq: number | undefined;
  /** Turns of which they are to be told the end, however old. */
  readonly owed: ReadonlySet<TurnId>;
}

/**
 * Reads what makes the whole, in an order that leaves nothing out and has nothing from beyond the feed's `sure`:
 *
 * 1. The queue. A turn that is open in the end is in it, or its first event comes later than this: then it comes live.
 * 2. The transcript, the title, and what was said of answers. A record is written when its turn's end is decided, and before the end itself: the turn began below what comes next.
 * 3. The end of the stream; and up to there whatever its copies, which may be behind, have not brought yet.
 * 4. The turns of the queue from their beginning. Now the hub knows each turn that is open, so that of these no record is taken, however far the
 *    transcript is ahead.
 * 5. For who is to be told each end from `fromSeq` on, which is below the ring: what followed, and the turns from their beginning that were under way
 *    there. So each of these ends comes as an event.
 *
 * Undefined: the feed is being read again, or ended turns have left the ring since the transcript was read and would be in neither.
 */
export async function readWhole(
  deps: WholeReadingDeps,
  hub: Hub,
  { fromSeq, owed }: WholeNeeds,
): Promise<Whole | undefined> {
  const { history, transcripts } = deps;
  const { ring } = hub;
  const { endsLeft } = ring;
  const reach = fromSeq !== undefined && fromSeq < ring.floor ? fromSeq : undefined;
  const queued = ring.rooted && reach === undefined ? undefined : await history.queued(hub);
  const { page, title, feedback, posts, early } = await readKept(deps, hub);
  const handover = await shownHandover(deps.handovers, hub.conversation, page.turns);
  if (!(await history.confirm(hub))) return undefined;
  const room = await roomNow(deps, hub, early);
  const past = queued && (await readPast(history, hub, { reach, queued }));
  const laterEnds = fromSeq === undefined ? 0 : countEnds(past ?? ring);
  const beside = await pathToOpen(transcripts, hub, ring, page.turns);
  const records = [...(await olderRecords(deps, hub, page, laterEnds)), ...messagesOf([...beside, ...page.turns])];
  const owedRecords = await recordsOf(deps, hub, owed, { read: records, isRoom: room !== undefined });
  const shown = records.filter(({ turn_id }) => queued?.startless.has(turn_id) !== true || ring.ended.has(turn_id));
  const known = past ?? ring;
  const { sure } = hub.feed.intake;
  const changes = await changesIn(deps, hub, room, { records: [...shown, ...posts, ...owedRecords], known });
  const isCurrent = createCurrency(deps, hub, { ring, endsLeft, past, room, changesSeq: sure });
  const isTooMuch = reach !== undefined && past === undefined;
  const isBeginning = page.before === 0;
  const isErased = page.isErased === true;
  const told = { title, handover, room, feedback, posts, isBeginning, isErased, changes };
  const parts = { past, isTooMuch, records: shown, ...told, owed, owedRecords, isCurrent };
  ring.isShownAlone = room === undefined;
  return isCurrent() ? createWhole(hub, parts) : undefined;
}

/** What is kept of the conversation beside its events. */
async function readKept(deps: WholeReadingDeps, hub: Hub) {
  const { conversation } = hub;
  const remembered = deps.room.find(conversation);
  const [page, title, feedback, posts, early] = await Promise.all([
    newestPath(deps.transcripts, hub),
    deps.titles.shown(conversation),
    deps.feedback.of(conversation),
    newestPosts(deps, hub, remembered),
    remembered.then((room) => room && deps.room.lookUp(conversation)),
    deps.lookOnce(hub),
  ]);
  return { page, title, feedback, posts, early };
}

/** An event that is below the end of the stream is not told again: what it says has to be in here. */
async function roomNow(
  { room }: WholeReadingDeps,
  { conversation, ring }: Hub,
  early: Peopled | undefined,
): Promise<Peopled | undefined> {
  return (early?.n ?? 0) < roomNumberIn(ring.events) ? room.lookUp(conversation) : early;
}

/** How the hub was when the reading began, and what was read. */
interface Read {
  readonly ring: Ring;
  readonly endsLeft: number;
  readonly past: Past | undefined;
  readonly room: Peopled | undefined;
  /** All changes of messages up to here were read. */
  readonly changesSeq: number;
}

/** Whether the hub still has what is missing in what was read. */
function createCurrency(
  { room: { known } }: WholeReadingDeps,
  hub: Hub,
  { ring, endsLeft, past, room, changesSeq }: Read,
) {
  return (): boolean => {
    // Its first members came meanwhile: of whom it was nobody knows here, and what they said was not looked for.
    if (room === undefined && (roomNumberIn(ring.events) > 0 || known(hub.conversation) !== undefined)) return false;
    // One that began anew meanwhile, as a late event below it makes it do, knows nothing of what is open.
    if (!isLive(hub) || hub.ring !== ring) return false;
    // Below its floor the ring has no place any more for what comes late.
    if (ring.floor > hub.feed.intake.sure) return false;
    // What was told of changes since they were read must not have left it.
    if (ring.floor > changesSeq) return false;
    return past === undefined
      ? ring.endsLeft === endsLeft
      : ring.floor <= past.top && ring.lateEvents === past.lateEvents;
  };
}

/**
 * What became of the messages that may be shown. Read behind the end of the stream: a change is stored before it is told, so whatever is told up to there is in it. What comes later
 * is in the ring.
 */
async function changesIn(
  deps: WholeReadingDeps,
  { conversation, ring }: Hub,
  room: Peopled | undefined,
  {
    records,
    known: { events },
  }: { readonly records: readonly TranscriptMessage[]; readonly known: Pick<Known, "events"> },
): Promise<Changes> {
  // Whose first change this process does not know yet is shown anew when it does: see `showLateRoom`.
  const isKnown = room?.people.has.changes === true || ring.hasChanges || deps.isChanged(conversation);
  if (!isKnown && !ring.events.some(isChange)) return new Map();
  const begun = events.flatMap(({ type, turn }) => (type === "message" || isTerminal(type) ? turn : []));
  const told = [...new Set([...begun, ...ring.base.keys(), ...ring.settled.keys()])];
  const ofTurns = told.flatMap((turn) => [messageIdOf(turn, "user"), messageIdOf(turn, "assistant")]);
  const written = [...records, ...events.flatMap((event) => postIn(event) ?? [])];
  return deps.changes.of(conversation, [...written.map(({ message_id }) => message_id), ...ofTurns]);
}

function countEnds({ events }: Pick<Known, "events">): number {
  return events.filter(({ type }) => isTerminal(type)).length;
}

/** Makes the hub know what is open. Returns what followed on `reach`; undefined: that is not asked for, or too much to be read. */
async function readPast(
  history: WholeReadingDeps["history"],
  hub: Hub,
  { reach, queued }: { readonly reach: number | undefined; readonly queued: Queued },
): Promise<Past | undefined> {
  if (reach !== undefined) {
    try {
      return await readDeep(history, hub, { reach, queued });
    } catch (error) {
      if (!(error instanceof RangeTooLargeError)) throw error;
    }
  }
  await history.root(hub, queued);
  return undefined;
}

async function readDeep(
  history: WholeReadingDeps["history"],
  hub: Hub,
  { reach, queued }: { readonly reach: number; readonly queued: Queued },
): Promise<Past> {
  let known = await history.root(hub, queued, reach + 1);
  const begun = new Set(known.events.flatMap(({ type, turn }) => (type === "message" ? turn : [])));
  const others = new Set(known.events.flatMap(({ turn }) => (turn === "" || begun.has(turn) ? [] : turn)));
  const starts = await Promise.all([...others].map((turn) => history.startOf(hub, turn)));
  const lowest = Math.min(...starts.filter((seq) => seq !== undefined));
  if (lowest <= known.floor) known = await history.root(hub, queued, lowest);
  const top = Math.max(hub.ring.floor, known.events.at(-1)?.seq ?? 0);
  const { lateEvents } = hub.ring;
  return { floor: known.floor, events: known.events, top, lateEvents, settled: queued.settled };
}

/** As many as the page may have of turns that ended only later. */
async function olderRecords(
  { transcripts }: WholeReadingDeps,
  { conversation }: Hub,
  { before, leaf }: PathPage,
  laterEnds: number,
): Promise<TranscriptMessage[]> {
  if (laterEnds === 0 || before === 0 || leaf !== undefined) return [];
  return messagesOf((await transcripts.tail(conversation, { limit: 2 * laterEnds, before })).turns);
}

/** Also where nobody is known to have written any: what is remembered of people may be a moment old. */
async function newestPosts(
  { posts }: WholeReadingDeps,
  hub: Hub,
  room: Promise<Peopled | undefined>,
): Promise<readonly TranscriptMessage[]> {
  if ((await room) === undefined) return [];
  const page = await posts.shown(hub.conversation, deliveryLimits.snapshotMessages);
  return page.posts.map(({ post }) => transcriptOfPost(post));
}

/** What leads to the newest turn that has a record. */
async function newestPath({ path }: WholeReadingDeps["transcripts"], { conversation }: Hub): Promise<PathPage> {
  const page = await path(conversation, { limit: deliveryLimits.snapshotMessages });
  return page ?? { turns: [], before: 0 };
}

/** What leads to the newest turn that is open, where that is on another branch than the newest that has a record. */
async function pathToOpen(
  { path }: WholeReadingDeps["transcripts"],
  { conversation }: Hub,
  known: Pick<Known, "events" | "base">,
  read: readonly StoredTurn[],
): Promise<readonly StoredTurn[]> {
  const leaf = parentOfNewest(known);
  if (typeof leaf !== "string" || read.some(({ turn_id }) => turn_id === leaf)) return [];
  const turns = (await path(conversation, { limit: deliveryLimits.snapshotMessages, leaf }))?.turns ?? [];
  return turns.filter(({ turn_id }) => !read.some((other) => other.turn_id === turn_id));
}

/** Behind which the newest message was asked, if it says so. */
function parentOfNewest({ events, base }: Pick<Known, "events" | "base">): TurnId | null | undefined {
  const newest = events.findLast(({ type }) => type === "message");
  const event = newest === undefined ? undefined : decodeVisible(newest);
  if (event?.type === "message") return event.parent;
  const open = [...base.values()].toSorted((one, other) => one.startSeq - other.startSeq);
  return open.at(-1)?.view.message?.parent;
}

/** The messages of turns that are not among those that were read. */
async function recordsOf(
  { events, transcripts, posts }: WholeReadingDeps,
  { conversation, shard }: Hub,
  turns: ReadonlySet<TurnId>,
  { read, isRoom }: { readonly read: readonly TranscriptMessage[]; readonly isRoom: boolean },
): Promise<TranscriptMessage[]> {
  const known = new Set(read.map(({ turn_id }) => turn_id));
  const find = async (turn: TurnId): Promise<TranscriptMessage[]> => {
    const begin = await events.last(subjects.user(shard, conversation, turn));
    const acceptedMs = begin?.event.type === "message" ? begin.event.ts : 0;
    const recorded = await transcripts.find(conversation, turn, acceptedMs);
    if (recorded !== undefined) return messagesOf([recorded]);
    if (!isRoom) return [];
    const post = await posts.find(conversation, turn, 0);
    return post === undefined ? [] : [transcriptOfPost(post)];
  };
  const found = await Promise.all([...turns].flatMap((turn) => (known.has(turn) ? [] : find(turn))));
  return found.flat();
}
