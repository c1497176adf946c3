import {
  hasBranches,
  inOrderOfAcceptance,
  limits,
  treeOf,
  turnPlaceOf,
  turnsOf,
  wasAcceptedBefore,
  type ConversationId,
  type StoredTurn,
  type TurnId,
  type TurnPlace,
  type TurnTree,
} from "@parley/protocol";
import type { StoredRecord } from "./record-cache.ts";
import type { RecordLookups } from "./record-lookups.ts";

export interface PathQuery {
  /** Messages. */
  readonly limit: number;
  /** Where the page before this one ended; 0: at the newest turn. */
  readonly before?: number;
  /** The last turn of the path. Default: the newest turn. */
  readonly leaf?: TurnId | undefined;
  /** Instead: a turn that the path goes through, to the newest one behind it. */
  readonly through?: TurnId | undefined;
  /** What was accepted later than this turn is no part of it. */
  readonly asOf?: Pick<StoredTurn, "place" | "queued_at"> | undefined;
}

/** A part of one path. Where the conversation has branches each question says its parent, and its siblings if it has any. */
export interface PathPage {
  /** Oldest first. */
  readonly turns: StoredTurn[];
  /** Give it as `before` to read what is older; 0: nothing is. */
  readonly before: number;
  /** Whose path it is, if there are several: with `before` it names the next page. */
  readonly leaf?: TurnId;
  /** See `TranscriptPage`. */
  readonly isErased?: true;
}

/** A turn and what was asked before it. */
export interface FoundPlace {
  readonly turn: StoredTurn;
  /** Undefined: it is so old that nobody looks. */
  readonly parent: TurnId | null | undefined;
}

/** Of a turn what says where it stands, and where it is read. */
interface Stub extends TurnPlace, Pick<StoredTurn, "place" | "queued_at"> {
  /** Sequences of its records, oldest first. */
  readonly seqs: readonly number[];
  readonly bytes: number;
}

/** Records that are read before it is looked whether they are enough, the first time: as many as a record names. Then twice as many each time. */
const portion = 1 + limits.recordsBack;

type Lookups = Pick<RecordLookups, "at" | "last" | "walk">;

interface Places {
  /** In the order of acceptance. */
  readonly turns: readonly Stub[];
  readonly tree: TurnTree;
  /** The record where it was stopped; 0: there is nothing before them. */
  readonly before: number;
}

/** Looks through a conversation from its newest record backwards, until there is enough. What is kept of each turn is some 100 bytes. */
function createPlaces({ last, walk }: Lookups) {
  return async (conversation: ConversationId, isEnough: (places: Places) => boolean): Promise<Places> => {
    const records = walk(conversation);
    const stubs = new Map<TurnId, Stub>();
    let stored = await last(conversation);
    for (let read = 0; ;) {
      const upTo = Math.min(limits.branchRecords, Math.max(portion, 2 * read));
      for (; read < upTo && stored !== undefined; read++) {
        addTo(stubs, stored);
        stored = await records.before(stored, upTo - read);
      }
      const turns = inOrderOfAcceptance([...stubs.values()].toReversed());
      const isAll = stored === undefined;
      const places = { turns, tree: treeOf(withBeginning(turns, isAll)), before: stored?.seq ?? 0 };
      if (isAll || read >= limits.branchRecords || isEnough(places)) return places;
    }
  };
}

/** The first turn of all was asked behind none. */
function withBeginning(turns: readonly Stub[], isAll: boolean): readonly Stub[] {
  const [first, ...others] = turns;
  return isAll && first?.parent === undefined && first !== undefined ? [{ ...first, parent: null }, ...others] : turns;
}

function addTo(stubs: Map<TurnId, Stub>, { turn, seq, bytes }: StoredRecord): void {
  if (turn === undefined) return;
  const { turn_id, place, queued_at } = turn;
  const known = stubs.get(turn_id);
  const { parent = known?.parent, supersedes = known?.supersedes } = turnPlaceOf(turn);
  const seqs = [seq, ...(known?.seqs ?? [])];
  // Again at the end: in the order of the log it begins where its first record is.
  stubs.delete(turn_id);
  stubs.set(turn_id, { turn_id, place, queued_at, parent, supersedes, seqs, bytes: bytes + (known?.bytes ?? 0) });
}

/** The turns of a path that a page has, newest first. */
function pageOf(path: readonly Stub[], limit: number): readonly Stub[] {
  const onPage: Stub[] = [];
  let bytes = 0;
  for (const stub of path.toReversed()) {
    bytes += stub.bytes;
    if (onPage.length > 0 && (2 * onPage.length >= limit || bytes > limits.transcriptPageBytes)) break;
    onPage.push(stub);
  }
  return onPage;
}

/** How a question stands among the others, in the words of those who have only this path. */
function placedIn(tree: TurnTree, turn: StoredTurn): StoredTurn {
  const { turn_id, question } = turn;
  if (question === undefined) return turn;
  const parent = tree.parentOf(turn_id);
  const siblings = tree.siblingsOf(turn_id);
  const about = {
    ...(parent === undefined ? {} : { parent }),
    ...(siblings.length < 2 ? {} : { siblings: [...siblings] }),
  };
  return { ...turn, question: { ...question, ...about } };
}

type Tail = (
  conversation: ConversationId,
  options: { limit: number; before?: number },
) => Promise<{ readonly turns: StoredTurn[]; readonly before: number }>;

/** Reads conversations along one of their branches. Those without branches cost what reading their tail does. */
export function createBranchReading(lookups: Lookups, tail: Tail) {
  const placesOf = createPlaces(lookups);

  const wholeOf = async (conversation: ConversationId, { seqs }: Stub): Promise<StoredTurn[]> => {
    const records = await Promise.all(seqs.map((seq) => lookups.at(conversation, seq)));
    return turnsOf(records.flatMap((record) => record?.turn ?? []));
  };

  const pathOf = async (conversation: ConversationId, query: PathQuery): Promise<PathPage | undefined> => {
    const { limit, before = 0 } = query;
    const wanted = ({ turns, tree }: Places): Stub[] => {
      const leaf = leafIn(turns, tree, query);
      const path = new Set(leaf === undefined ? [] : tree.pathTo(leaf));
      return turns.filter(({ turn_id, seqs }) => path.has(turn_id) && (before === 0 || (seqs[0] ?? 0) < before));
    };
    const isBegun = ([first]: readonly Stub[], { tree }: Places): boolean =>
      first !== undefined && tree.parentOf(first.turn_id) === null;
    // One more than the page has: so of its first turn the siblings are known, which all came after what it was asked behind.
    const isEnough = (path: readonly Stub[]): boolean => 2 * (path.length - 1) >= limit;
    const places = await placesOf(conversation, (read) => isEnough(wanted(read)) || isBegun(wanted(read), read));
    const leaf = leafIn(places.turns, places.tree, query);
    if (leaf === undefined) return undefined;
    const path = wanted(places);
    const onPage = pageOf(path, limit);
    const turns = (await Promise.all(onPage.map((stub) => wholeOf(conversation, stub)))).flat().toReversed();
    const isCut = onPage.length < path.length;
    const older = isBegun(path, places) ? 0 : places.before;
    const next = isCut ? (onPage.at(-1)?.seqs[0] ?? 0) : older;
    return { turns: turns.map((turn) => placedIn(places.tree, turn)), before: next, ...(isCut ? { leaf } : {}) };
  };

  return {
    /**
     * The newest `limit` messages of a path before the cursor. Of a conversation without branches that is its tail, and costs as much; else it is looked through from its
     * newest record on, up to `branchRecords`: what is older is read as one path. Without a turn that it names, it is undefined.
     */
    async path(conversation: ConversationId, query: PathQuery): Promise<PathPage | undefined> {
      const { limit, before = 0, leaf, through } = query;
      if (leaf === undefined && through === undefined) {
        const page = await tail(conversation, { limit, before });
        if (!hasBranches(page.turns.map(turnPlaceOf))) return page;
        // Nothing newer than this page has said that there is more than one path.
        if (before > 0) return pathOf(conversation, { ...query, leaf: page.turns.at(-1)?.turn_id, before: 0 });
      }
      return pathOf(conversation, query);
    },

    /** A turn that has ended, and behind which it was asked. Undefined: there is none, or it is older than `branchRecords`. */
    async placeOf(conversation: ConversationId, turnId: TurnId): Promise<FoundPlace | undefined> {
      const isKnown = ({ tree }: Places): boolean => tree.has(turnId) && tree.parentOf(turnId) !== undefined;
      const { turns, tree } = await placesOf(conversation, isKnown);
      const stub = turns.find(({ turn_id }) => turn_id === turnId);
      const [turn] = stub === undefined ? [] : await wholeOf(conversation, stub);
      return turn && { turn, parent: tree.parentOf(turnId) };
    },
  };
}

function leafIn(turns: readonly Stub[], tree: TurnTree, { leaf, through, asOf }: PathQuery): TurnId | undefined {
  const named = leaf ?? through;
  if (named !== undefined && !tree.has(named)) return undefined;
  if (leaf !== undefined) return leaf;
  if (through !== undefined) return tree.leafOf(through);
  return turns.findLast((turn) => asOf === undefined || !wasAcceptedBefore(asOf, turn))?.turn_id;
}
