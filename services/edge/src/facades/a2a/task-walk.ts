import { stateOfTask, type ListParams } from "@parley/dialects";
import { ChatError, type ConversationId, type TurnId, type TurnRequest } from "@parley/protocol";
import { createGate } from "@parley/runtime";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Call } from "../../transport/route.ts";
import { laneName, newestFirst, type LanePlace, type ListOrder, type ListPlace } from "./page-tokens.ts";
import { endedTask, type KnownTask, type TaskReading } from "./tasks.ts";

export type WalkDeps = Pick<FacadeDeps, "bus"> & { readonly tasks: TaskReading };

export interface Context {
  readonly conversation_id: ConversationId;
  readonly context?: string | undefined;
}

interface WalkQuery extends Pick<ListParams, "status" | "statusTimestampAfter"> {
  readonly contexts: readonly Context[];
  readonly from: ListPlace | undefined;
}

/** Contexts that one listing looks at at a time. */
const atOnce = 4;
/** Messages of a transcript that are looked at together; a task has two. Where many contexts are merged few are enough, and each may be large. */
const messages = { ofOne: 32, ofMany: 4 };
/** What one listing looks through, as JSON in characters; there is more on the next page. The first look at each context comes on top. */
const mostChars = 16 * 1024 * 1024;
const mostLooks = 500;
const readWithinMs = 10_000;

/** A task that may be next: all that is kept of it until it is. */
interface Entry extends ListOrder {
  readonly isOpen: boolean;
}

/** A context, as far as it is looked through. */
interface Lane {
  readonly context: Context;
  readonly name: string;
  /** Where what is looked at now begins, as `before` of the transcript (0: its end), and what is behind that; undefined: nothing. */
  at: LanePlace;
  behind: LanePlace | undefined;
  /** Newest first. */
  entries: Entry[];
}

/**
 * Tasks of contexts, newest first, one by one: each context is looked through as far as it takes, and of none of it more than a few tasks are held. `next` resolves to
 * undefined where there is no more, or enough was looked through, or the client is gone; `place` says which.
 */
export function createTaskWalk(deps: WalkDeps, call: Call, query: WalkQuery) {
  const { from } = query;
  const lanes = query.contexts.flatMap((context) => laneFrom(context, from) ?? []);
  const look = createLook(deps, query);
  const told = new Set<string>();
  let after = from?.after;
  let hasBegun = false;
  const signal = signalOf(call);

  /** Every context shows its newest, or has no more. */
  const lookOn = async (): Promise<void> => {
    const enter = createGate(atOnce);
    if (!hasBegun) {
      await Promise.all(lanes.map((lane) => enter(() => look.begin(lane))));
      look.count();
      hasBegun = true;
    }
    for (const lane of lanes) {
      while (lane.entries.length === 0 && lane.behind !== undefined && !look.isEnough()) await look.goOn(lane);
    }
  };

  const taskOf = async (lane: Lane, entry: Entry): Promise<KnownTask | undefined> => {
    const ended = entry.isOpen ? undefined : await look.taskIn(lane, entry);
    if (ended !== undefined) return ended;
    const place = { ...lane.context, turn_id: entry.turn_id };
    // One that was deleted meanwhile is no more.
    const task = await deps.tasks.read(call, place, { withinMs: readWithinMs, signal }).catch(() => undefined);
    return task !== undefined && fits(task, query) ? task : undefined;
  };

  return {
    async next(): Promise<KnownTask | undefined> {
      for (;;) {
        await lookOn();
        if (look.isEnough() || !call.exchange.isOpen()) return undefined;
        const [lane] = lanes.filter(({ entries }) => entries.length > 0).toSorted(byFirst);
        const entry = lane?.entries.shift();
        if (lane === undefined || entry === undefined) return undefined;
        after = entry;
        const task = told.has(entry.turn_id) ? undefined : await taskOf(lane, entry);
        told.add(entry.turn_id);
        if (task !== undefined) return task;
      }
    },

    /** Where to go on; undefined: there is no more. `count`: of tasks so far. */
    place(count: number): ListPlace | undefined {
      if (!lanes.some(({ entries, behind }) => entries.length > 0 || behind !== undefined)) return undefined;
      const begun = [...(from?.lanes ?? []), ...lanes.flatMap(lookedThrough)];
      return { after: after ?? { atMs: Number.MAX_SAFE_INTEGER, turn_id: "-" }, count, lanes: new Map(begun) };
    },
  };
}

/** What is looked at for a client that goes away is let go at once: others wait for its place. */
function signalOf({ exchange }: Call): AbortSignal {
  const gone = new AbortController();
  exchange.onGone(() => gone.abort(new ChatError("CONFLICT", { message: "The client is gone." })));
  return gone.signal;
}

/** Undefined: it was looked through. */
function laneFrom(context: Context, from: ListPlace | undefined): Lane | undefined {
  const name = laneName(context.conversation_id);
  const at = from?.lanes.get(name);
  return at?.before === 0 ? undefined : { context, name, at: at ?? { before: 0 }, behind: undefined, entries: [] };
}

function lookedThrough({ name, at, behind, entries }: Lane): [string, LanePlace][] {
  if (entries.length === 0) return [[name, behind ?? { before: 0 }]];
  return at.before === 0 ? [] : [[name, at]];
}

function byFirst({ entries: [one] }: Lane, { entries: [other] }: Lane): number {
  return one === undefined || other === undefined ? 0 : newestFirst(one, other);
}

const openStates: ReadonlySet<string> = new Set(["SUBMITTED", "WORKING", "INPUT_REQUIRED", "AUTH_REQUIRED"]);

/** Undefined: any. */
function stateWanted(status: ListParams["status"]): string | undefined {
  return status === null || status === undefined || status === "TASK_STATE_UNSPECIFIED" ? undefined : status;
}

function fits({ view, atMs = 0 }: KnownTask, { status, statusTimestampAfter }: WalkQuery): boolean {
  const wanted = stateWanted(status);
  if (wanted !== undefined && stateOfTask(view) !== wanted) return false;
  return !statusTimestampAfter || atMs >= Date.parse(statusTimestampAfter);
}

/** Reads the newest branches of transcripts; holds what was read last. */
function createReading({ bus }: WalkDeps, contexts: readonly Context[]) {
  const limit = contexts.length === 1 ? messages.ofOne : messages.ofMany;
  let held: { readonly lane: Lane; readonly at: LanePlace; readonly ended: readonly KnownTask[] } | undefined;
  let [chars, looks] = [0, 0];
  return {
    isEnough: (): boolean => chars > mostChars || looks > mostLooks,
    /** From now on. */
    count: (): void => void ([chars, looks] = [0, 0]),

    async branch(lane: Lane, at: LanePlace): Promise<{ ended: readonly KnownTask[]; behind: LanePlace | undefined }> {
      const { conversation_id } = lane.context;
      // A place is a number that anybody can make up.
      const { before, leaf } = at;
      const nothing = { ended: [], behind: undefined };
      if (before > 0 && !(await bus.conversations.hasRecord(conversation_id, before))) return nothing;
      const page = await bus.transcripts.path(conversation_id, { limit, before, leaf });
      looks++;
      if (page === undefined) return nothing;
      chars += JSON.stringify(page.turns).length;
      const ended = page.turns.flatMap((turn) => endedTask({ ...lane.context, turn_id: turn.turn_id }, turn) ?? []);
      held = { lane, at, ended };
      return { ended, behind: page.before === 0 ? undefined : { before: page.before, leaf: page.leaf } };
    },

    /** What was read of it last, where nothing else was since: only one context's are held. */
    heldOf: (lane: Lane): readonly KnownTask[] | undefined =>
      held?.lane === lane && held.at === lane.at ? held.ended : undefined,
  };
}

/** Looks into contexts for tasks that are wanted. */
function createLook(deps: WalkDeps, query: WalkQuery) {
  const { contexts, from, status } = query;
  const { branch, heldOf, isEnough, count } = createReading(deps, contexts);
  const wanted = stateWanted(status);
  const isOpenWanted = wanted !== undefined && openStates.has(wanted.replace("TASK_STATE_", ""));

  /** `isFrom`: what was listed of it is passed over. What is behind that was not, whatever the clock of the worker was that ended it. */
  const endedIn = async (lane: Lane, at: LanePlace, isFrom: boolean): Promise<Entry[]> => {
    const { ended, behind } = await branch(lane, at);
    lane.at = at;
    lane.behind = ended.some((task) => isTooOld(task, query)) ? undefined : behind;
    return ended
      .filter((task) => fits(task, query))
      .map(({ place: { turn_id }, atMs = 0 }) => ({ turn_id, atMs, isOpen: false }))
      .filter((entry) => !isFrom || from === undefined || newestFirst(from.after, entry) < 0);
  };

  /** Of the newest branch. `behind`: the last turn of it that has ended; undefined: the newest one, null: there is none. */
  const queuedIn = async ({ context }: Lane): Promise<{ entries: Entry[]; behind: TurnId | null | undefined }> => {
    const waiting = await deps.bus.turns.waiting(context.conversation_id);
    const { branch: queued, behind } = newestBranchOf(waiting.map(({ request }) => request));
    const entries = queued
      .map((request) => ({ turn_id: request.turn_id, atMs: request.accepted_at, isOpen: true }))
      .filter((entry) => from === undefined || newestFirst(from.after, entry) < 0);
    return { entries, behind };
  };

  return {
    isEnough,
    count,

    /** The queue first: what leaves it between the two is in the transcript. */
    async begin(lane: Lane): Promise<void> {
      const { at } = lane;
      const isBegun = at.before > 0 || (wanted !== undefined && !isOpenWanted);
      const { entries: queued, behind } = isBegun ? { entries: [], behind: at.leaf } : await queuedIn(lane);
      const hasEnded = !isOpenWanted && behind !== null;
      const ended = hasEnded ? await endedIn(lane, { ...at, leaf: behind }, true) : [];
      const known = new Set(ended.map(({ turn_id }) => turn_id));
      lane.entries = [...queued.filter(({ turn_id }) => !known.has(turn_id)), ...ended].toSorted(newestFirst);
    },

    async goOn(lane: Lane): Promise<void> {
      const at = lane.behind ?? { before: 0 };
      const isFrom = !(from?.lanes.has(lane.name) ?? false);
      lane.entries = (await endedIn(lane, at, isFrom)).toSorted(newestFirst);
    },

    /** Read again where others were looked at since. Undefined: newer ones have taken its place there. */
    async taskIn(lane: Lane, { turn_id }: Entry): Promise<KnownTask | undefined> {
      const tasks = heldOf(lane) ?? (await branch(lane, lane.at)).ended;
      return tasks.find(({ place }) => place.turn_id === turn_id);
    },
  };
}

/** Of turns in the order of acceptance. */
function newestBranchOf(waiting: readonly TurnRequest[]) {
  const branch: TurnRequest[] = [];
  let behind: TurnId | null | undefined;
  for (const request of waiting.toReversed()) {
    if (behind === null || (behind !== undefined && request.turn_id !== behind)) continue;
    branch.push(request);
    behind = request.parent;
  }
  return { branch, behind };
}

/** So is all that ended before it. */
function isTooOld({ atMs = 0 }: KnownTask, { statusTimestampAfter }: WalkQuery): boolean {
  return Boolean(statusTimestampAfter) && atMs < Date.parse(statusTimestampAfter ?? "") - clockSkewMs;
}

/** Workers have clocks of their own. */
const clockSkewMs = 60_000;
