import type { Bus } from "@parley/bus";
import {
  ChatError,
  demand,
  standingAmong,
  type Caller,
  type ConversationId,
  type May,
  type People,
  type ResourceOf,
  type Room,
  type Standing,
  type Verdict,
} from "@parley/protocol";
import { roomFor, shownRoom } from "../hub/shown-room.ts";
import type { KnownConversation, KnownPeople } from "./known-people.ts";
import type { ConversationQuota, Spender } from "./message-limits.ts";

export type Ownership = ReturnType<typeof createOwnership>;

export type ConversationAction =
  | "conversation:read"
  | "conversation:send"
  | "conversation:cancel"
  | "conversation:queue"
  | "conversation:title"
  | "conversation:feedback"
  | "conversation:decide"
  | "conversation:delete"
  | "conversation:react"
  | "conversation:pin"
  | "conversation:leave"
  | "conversation:people";

/** As what a caller decides on the calls of a conversation. */
export interface DeciderRights {
  /** Whose conversation it is decides on what happens in it; who writes in it, on calls of their own turns (`onlyOf`). */
  readonly isOwner: boolean;
  /** As its owner only on calls of this user's turns. Absent: of all. */
  readonly onlyOf?: string;
  /** Approves for others of the tenant in which it was begun. */
  readonly isApprover: boolean;
}

export interface OwnershipDeps {
  readonly owners: Pick<Bus["owners"], "claim" | "ownerOf">;
  readonly known: KnownPeople;
  readonly may: May;
  /** How many conversations somebody may begin. */
  readonly quota: ConversationQuota;
  /** Whether the caller answers in it in place of the agent: asked only where it is not theirs. Absent: nobody does. */
  readonly isOperator?: IsOperator;
}

export type IsOperator = (conversation: ConversationId, caller: Caller, tenant: string | undefined) => Promise<boolean>;

export interface ClaimWay {
  /** Its id was just made up: it cannot be anybody's. */
  readonly isFresh: boolean;
  readonly isExempt: boolean;
}

/** What a caller may do with a conversation. */
function createJudging(known: KnownPeople, may: May) {
  const judge = (caller: Caller, action: ConversationAction, one: KnownConversation, author?: string): Verdict =>
    may(caller, action, { ...conversationOf(one, caller), author });

  return async (
    conversation: ConversationId,
    caller: Caller,
    { action, author, found }: { action: ConversationAction; author?: string | undefined; found?: KnownConversation },
  ): Promise<{ readonly verdict: Verdict; readonly known: KnownConversation }> => {
    const one = found ?? (await known.find(conversation));
    if (one === undefined) throw notFound();
    const verdict = judge(caller, action, one, author);
    if (verdict.allowed) return { verdict, known: one };
    // They may have become a member a moment ago, elsewhere.
    const now = (await known.lookUp(conversation)) ?? one;
    return { verdict: now.n === one.n ? verdict : judge(caller, action, now, author), known: now };
  };
}

type Judge = ReturnType<typeof createJudging>;

function createStandingOf(judge: Judge, isOperator: IsOperator | undefined) {
  /** As what a caller reads a conversation, or writes in it. Throws FORBIDDEN, and NOT_FOUND when it is nobody's. */
  return async (
    conversation: ConversationId,
    caller: Caller,
    action: "conversation:read" | "conversation:send",
    found?: KnownConversation,
  ): Promise<Standing> => {
    const judged = await judge(conversation, caller, found === undefined ? { action } : { action, found });
    const stands = judged.verdict.allowed ? standingIn(judged.known, caller) : undefined;
    // Who writes in it and has taken it over answers in place of the agent, and asks it nothing.
    if (stands !== undefined && (stands !== "writer" || action === "conversation:read")) return stands;
    if (isOperator !== undefined && (await isOperator(conversation, caller, judged.known.owner.tenant)))
      return "operator";
    demand(judged.verdict);
    return standingIn(judged.known, caller);
  };
}

/** Whose conversation it is and who has a part in it, and so what a caller may do with it. */
export function createOwnership({ owners, known, may, quota, isOperator }: OwnershipDeps) {
  const judge = createJudging(known, may);
  const standing = createStandingOf(judge, isOperator);

  const check = async (
    conversation: ConversationId,
    caller: Caller,
    action: ConversationAction,
    author?: string,
  ): Promise<void> => demand((await judge(conversation, caller, { action, author })).verdict);

  const claimUnknown = createClaiming({ owners, known, quota });

  return {
    /** The conversation is the caller's from now on, if it is nobody's. Throws FORBIDDEN, and RATE_LIMITED where they have begun too many. */
    async claim(conversation: ConversationId, caller: Caller, { isFresh, isExempt }: ClaimWay): Promise<Standing> {
      // Who may send nothing at all must not have conversations made either.
      if (known.peek(conversation) === undefined) demand(may(caller, "conversation:send", nobodys));
      const found =
        known.peek(conversation) === undefined
          ? await claimUnknown(conversation, { caller, isExempt }, isFresh)
          : await known.find(conversation);
      return standing(conversation, caller, "conversation:send", found);
    },

    /** Whether somebody has written in it, as far as this process remembers. */
    isKnown: (conversation: ConversationId): boolean => known.peek(conversation) !== undefined,

    /** Whether the caller may read it as one of its people. */
    async isOwn(conversation: ConversationId, caller: Caller): Promise<boolean> {
      if ((await known.find(conversation)) === undefined) return false;
      return (await judge(conversation, caller, { action: "conversation:read" })).verdict.allowed;
    },

    /** Throws FORBIDDEN, or NOT_FOUND when it is nobody's. `author`: of the turn or message that it is about, where that is known. */
    check,

    /** The same for who only reads, as whoever may who answers in place of the agent. */
    reader: (conversation: ConversationId, caller: Caller): Promise<Standing> =>
      standing(conversation, caller, "conversation:read"),

    ...createPeopleReading(known),

    /** Throws FORBIDDEN for who may not decide on its calls at all, or NOT_FOUND when it is nobody's. It opens nothing else of it. */
    async decider(conversation: ConversationId, caller: Caller): Promise<DeciderRights> {
      const { verdict, known: one } = await judge(conversation, caller, { action: "conversation:decide" });
      const { tenant } = one.owner;
      const isApprover = may(caller, "approval:decide", { kind: "approval", tenant }).allowed;
      if (!isApprover) demand(verdict);
      const rights = { isOwner: verdict.allowed, isApprover };
      return verdict.allowed && standingIn(one, caller) === "writer" ? { ...rights, onlyOf: caller.user.id } : rights;
    },
  };
}

function createPeopleReading(known: KnownPeople) {
  return {
    /** Its people; undefined: nobody but its owner has a part in it, or it is nobody's. */
    people: async (conversation: ConversationId): Promise<People | undefined> =>
      (await known.find(conversation))?.people,

    /** The same as one of them reads it, as it is stored; one who became the first member a moment ago may not be known here yet. */
    async room(conversation: ConversationId, caller: Caller): Promise<Room | undefined> {
      if ((await known.find(conversation))?.people === undefined) return undefined;
      const room = await known.room.lookUp(conversation);
      return room && roomFor(shownRoom(room), room.people, caller);
    },

    /** The same as this process remembers it: for what must not wait. */
    peekPeople: (conversation: ConversationId): People | undefined => known.peek(conversation)?.people,
  };
}

function createClaiming({ owners, known, quota }: Pick<OwnershipDeps, "owners" | "known" | "quota">) {
  /** Who may begin no more conversations leaves no record of one. */
  return async (
    conversation: ConversationId,
    spender: Spender,
    isFresh: boolean,
  ): Promise<KnownConversation | undefined> => {
    const { user, tenant } = spender.caller;
    const refusal = quota.usedUp(spender);
    if (refusal !== undefined) {
      const found = isFresh ? undefined : await known.find(conversation);
      if (found === undefined) throw refusal;
      return found;
    }
    if (isFresh) await quota.take(spender);
    const owner = await owners.claim(conversation, user.id, tenant);
    if (!owner.isNew) return known.find(conversation);
    if (!isFresh) quota.count(spender);
    return known.begun(conversation, owner);
  };
}

function standingIn({ people }: KnownConversation, caller: Caller): Standing {
  if (people === undefined) return "owner";
  const standing = standingAmong(people, caller);
  return standing === "none" ? "reader" : standing;
}

const nobodys: ResourceOf<"conversation:read"> = { kind: "conversation", owner: undefined, tenant: undefined };

function conversationOf({ owner, people }: KnownConversation, caller: Caller): ResourceOf<"conversation:read"> {
  const { userId, tenant } = owner;
  if (people === undefined) return { kind: "conversation", owner: userId, tenant };
  return { kind: "conversation", owner: people.owner.id, tenant, standing: standingAmong(people, caller) };
}

function notFound(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such conversation." });
}
