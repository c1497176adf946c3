import type { Bus, FollowedPeople, Owner } from "@parley/bus";
import { standingAmong, type Caller, type ConversationId, type People, type PeopleRecord } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import type { Peopled } from "../hub/shown-room.ts";

export interface KnownPeopleDeps {
  readonly bus: {
    readonly owners: Pick<Bus["owners"], "ownerOf">;
    readonly people: Pick<Bus["people"], "of" | "follow">;
  };
  readonly log: Logger;
  /** How often the broker is asked what has changed. Default: 250 ms, so that all edges know within a second. */
  readonly everyMs?: number;
}

/** Whose a conversation is, and who has a part in it. */
export interface KnownConversation {
  /** Whoever began it. */
  readonly owner: Owner;
  /** Undefined: nobody but them. */
  readonly people: People | undefined;
  /** Of the record of people; 0: there is none. */
  readonly n: number;
}

/** Whether somebody is one of its people. */
export function hasPart({ owner, people }: KnownConversation, caller: Caller): boolean {
  return people === undefined ? owner.userId === caller.user.id : standingAmong(people, caller) !== "none";
}

function peopledOf(known: KnownConversation | undefined): Peopled | undefined {
  return known?.people === undefined ? undefined : { n: known.n, people: known.people };
}

export type PeopleOf = (conversation: ConversationId) => Promise<People | undefined>;

/** The people of a conversation were changed, behind `knownMs` (a `performance.now`), as far as this process has asked. */
export type OnPeople = (conversation: ConversationId, knownMs: number) => void;

export type KnownPeople = ReturnType<typeof createKnownPeople>;

const defaultEveryMs = 250;
/** A process that runs has asked since. */
const standstillMs = 1_000;
/** Who comes meanwhile waits for the answer, and no longer. */
const catchUpMs = 500;
/** Conversations of one weigh 1, others 1 more for each member: all together some 10 to 20 MB. */
const maxWeight = 50_000;

function weightOf({ people }: KnownConversation): number {
  return 1 + (people?.members.length ?? 0);
}

/** Those that were used last. */
function createMemory() {
  /** In the order of their last use. */
  const remembered = new Map<ConversationId, KnownConversation>();
  let weight = 0;
  const forget = (conversation: ConversationId): void => {
    const known = remembered.get(conversation);
    if (known !== undefined && remembered.delete(conversation)) weight -= weightOf(known);
  };
  const set = (conversation: ConversationId, known: KnownConversation): void => {
    forget(conversation);
    remembered.set(conversation, known);
    weight += weightOf(known);
    for (const oldest of remembered.keys()) {
      if (weight <= maxWeight || oldest === conversation) return;
      forget(oldest);
    }
  };
  return {
    get: (conversation: ConversationId): KnownConversation | undefined => remembered.get(conversation),
    set,
    clear(): void {
      remembered.clear();
      weight = 0;
    },
    /** Of what cannot be read nothing is known any more. */
    hear({ conversation, record }: FollowedPeople): void {
      const known = remembered.get(conversation);
      if (known === undefined) return;
      // Whose it is when it begins again nobody knows.
      if (record?.people === undefined) forget(conversation);
      else if (record.n > known.n) set(conversation, { ...known, people: record.people, n: record.n });
    },
  };
}

/** Asks the broker again and again what has changed. Rejects never. */
function createFollowing(
  { bus, log, everyMs = defaultEveryMs }: KnownPeopleDeps,
  apply: (found: readonly FollowedPeople[], isAnew: boolean) => void,
) {
  const follower = bus.people.follow();
  const stopping = new AbortController();
  /** When the last question was asked that was answered: the answer may be as old. */
  let knownMs = -Infinity;
  const ask = async (): Promise<boolean> => {
    const askedMs = performance.now();
    try {
      const { found, isWhole, isAnew } = await follower.step();
      apply(found, isAnew);
      if (isWhole) knownMs = askedMs;
      return true;
    } catch (err) {
      log.debug({ err }, "who has a part in conversations cannot be read");
      return false;
    }
  };
  let asking: Promise<boolean> | undefined;
  const look = (): Promise<boolean> => (asking ??= ask().finally(() => (asking = undefined)));
  const isLate = (): boolean => performance.now() - knownMs > standstillMs;
  /** A question that was asked before the standstill may be answered first. */
  const catchUp = async (): Promise<void> => {
    while (isLate() && (await look()));
  };
  let catchingUp: Promise<void> | undefined;
  const goOn = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await look();
      await sleep(everyMs, stopping.signal);
    }
  };
  void goOn();
  return {
    isLate,
    knownMs: (): number => knownMs,
    caughtUp: (): Promise<void> =>
      (catchingUp ??= Promise.race([catchUp(), sleep(catchUpMs)]).finally(() => (catchingUp = undefined))),
    close: (): void => stopping.abort(),
  };
}

/** Look-ups, of which each may be older than what is heard of its conversation meanwhile. */
function createLookUps({ bus }: Pick<KnownPeopleDeps, "bus">, memory: ReturnType<typeof createMemory>) {
  const lookedUp = new Map<ConversationId, { waiting: number; heard: PeopleRecord | undefined; isSpoilt: boolean }>();

  const read = async (conversation: ConversationId, heard: () => PeopleRecord | undefined) => {
    const owner = memory.get(conversation)?.owner;
    const [whose, asked] = await Promise.all([owner ?? bus.owners.ownerOf(conversation), bus.people.of(conversation)]);
    if (whose === undefined) return undefined;
    const told = heard();
    const record = (told?.n ?? 0) > (asked?.n ?? 0) ? told : asked;
    return { owner: whose, people: record?.people, n: record?.n ?? 0 };
  };

  return {
    async lookUp(conversation: ConversationId): Promise<KnownConversation | undefined> {
      const look = lookedUp.get(conversation) ?? { waiting: 0, heard: undefined, isSpoilt: false };
      lookedUp.set(conversation, look);
      look.waiting++;
      try {
        const known = await read(conversation, () => look.heard);
        if (known === undefined || look.isSpoilt) return known;
        // Another look-up may have begun later, and come back first.
        const remembered = memory.get(conversation);
        const newest = remembered !== undefined && remembered.n > known.n ? remembered : known;
        memory.set(conversation, newest);
        return newest;
      } finally {
        if (--look.waiting === 0) lookedUp.delete(conversation);
      }
    },

    hear({ conversation, record }: FollowedPeople): void {
      const look = lookedUp.get(conversation);
      if (look === undefined) return;
      if (record === undefined) look.isSpoilt = true;
      else if (record.n > (look.heard?.n ?? 0)) look.heard = record;
    },

    /** What they find must not be remembered. */
    spoil(): void {
      for (const look of lookedUp.values()) look.isSpoilt = true;
    },
  };
}

/**
 * Whose conversations are and who has a part in them, remembered: ownership can be handed over, and members come and go, so the broker is asked four times a second what has changed. A
 * process that stood still asks before it uses anything that it remembers. While the broker is away it goes on to know whose conversations of one are.
 */
export function createKnownPeople(deps: KnownPeopleDeps) {
  const memory = createMemory();
  const listeners = new Set<OnPeople>();
  const lookUps = createLookUps(deps, memory);
  const { lookUp } = lookUps;

  const hear = (followed: FollowedPeople): void => {
    memory.hear(followed);
    lookUps.hear(followed);
    for (const listener of listeners) listener(followed.conversation, following.knownMs());
  };
  const following = createFollowing(deps, (found, isAnew) => {
    if (isAnew) {
      memory.clear();
      lookUps.spoil();
    }
    for (const one of found) hear(one);
  });

  const find = async (conversation: ConversationId): Promise<KnownConversation | undefined> => {
    if (following.isLate()) await following.caughtUp();
    const known = memory.get(conversation);
    // While the broker is away nobody can say who was removed meanwhile.
    if (known === undefined || (known.people !== undefined && following.isLate())) return lookUp(conversation);
    memory.set(conversation, known);
    return known;
  };

  return {
    /** Undefined: it is nobody's. Rejects where it has to be looked up and the broker does not answer. */
    find,

    /** The same, by what is stored now. */
    lookUp,

    /** It was nobody's until now, so nobody else can have a part in it. */
    begun(conversation: ConversationId, { userId, tenant }: Owner): KnownConversation {
      const known = { owner: { userId, tenant }, people: undefined, n: 0 };
      memory.set(conversation, known);
      return known;
    },

    /** As this process remembers it, without a question. */
    peek: memory.get,

    /** Of whom a room is, as snapshots show it. */
    room: {
      known: (conversation: ConversationId): Peopled | undefined => peopledOf(memory.get(conversation)),
      find: async (conversation: ConversationId): Promise<Peopled | undefined> => peopledOf(await find(conversation)),
      lookUp: async (conversation: ConversationId): Promise<Peopled | undefined> =>
        peopledOf(await lookUp(conversation)),
    },

    /** What this process has stored itself. */
    stored: (record: PeopleRecord): void => hear({ conversation: record.conversation_id, record }),

    /** Calls back with each change in any conversation, for as long as this lives. */
    onChange: (listener: OnPeople): void => void listeners.add(listener),

    close: following.close,
  };
}
