import { hostname } from "node:os";
import type { Bus, FactAddress, StoredFact } from "@parley/bus";
import {
  ChatError,
  decidedEventOf,
  formProblem,
  hasExpired,
  likeTurn,
  subjects,
  titleLine,
  turnOfCall,
  type ApproveFrame,
  type AuditEntry,
  type Caller,
  type DecidedEvent,
  type DecisionFrame,
  type FactOf,
  type TurnId,
  type User,
} from "@parley/protocol";
import { countOne, type ApprovalOutcome } from "../figures/metrics.ts";
import { isAsked, isDecision, type Asked } from "../hub/decision.ts";
import {
  checkFourEyes,
  checkOwnTurn,
  checkWaits,
  isAskerKeptOut,
  noSuchCall,
  openTurn,
  type IsKeptOut,
} from "./open-call.ts";
import type { DeciderRights, Ownership } from "./ownership.ts";

export interface ApproveDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "turns" | "audit">;
  readonly ownership: Ownership;
  readonly isKeptOut: IsKeptOut;
  readonly counters: { readonly approvals: Map<ApprovalOutcome, number> };
}

/** The frame, the call that it is about, and who wishes it. */
interface Wish extends Omit<ApproveFrame, "type">, DeciderRights {
  readonly turn: TurnId;
  readonly user: User;
  readonly caller: Caller;
}

/**
 * `approve`: decides on a call that waits for a person (docs/adr/0017). The fact first, which alone counts and of which there is one, then the event that all who
 * look get. Resolves to the decision that counts, also where it was made before and its turn has ended. Throws NOT_FOUND where no such call waits, or nobody knows any more, INVALID_FRAME where what is to be typed was not, FORBIDDEN where
 * somebody else has to agree, CONFLICT where it was decided otherwise before,
 * APPROVAL_EXPIRED where the time was over, OVERLOADED when the broker does not answer: then nobody knows yet, and it can be asked again.
 */
export function createApproveHandler({ bus, ownership, isKeptOut, counters }: ApproveDeps) {
  const count = (outcome: ApprovalOutcome): void => countOne(counters.approvals, outcome);

  const refuseOther = (thrown: unknown): never => {
    if (thrown instanceof ChatError && thrown.code === "APPROVAL_EXPIRED") count("expired");
    if (thrown instanceof ChatError && thrown.code === "CONFLICT") count("conflict");
    throw thrown;
  };

  return async (caller: Caller, frame: Omit<ApproveFrame, "type">): Promise<DecisionFrame> => {
    const { conversation_id, call_id } = frame;
    const wish = await wishOf(ownership, caller, frame);
    const { turn } = wish;
    const { decided, isNew } = await decide({ bus, isKeptOut }, wish).catch(refuseOther);
    count(isNew ? (decided.approved ? "approved" : "denied") : "repeated");
    const { approved, by, reason, like_ms } = decided;
    const said = {
      approved,
      ...(by === undefined ? {} : { by }),
      ...(reason === undefined ? {} : { reason }),
      ...(like_ms === undefined ? {} : { like_for_ms: like_ms }),
    };
    return { type: "decision", conversation_id, turn_id: turn, call_id, ...said };
  };
}

/**
 * Throws what `approve` would throw, as far as that is known before, and decides nothing: for requests that decide on several calls, of which all are to count or
 * none. That the time is over is known only by the broker, when it stores a decision.
 */
export function createApproveCheck({ bus, ownership, isKeptOut }: Omit<ApproveDeps, "counters">) {
  return async (caller: Caller, frame: Omit<ApproveFrame, "type">): Promise<void> => {
    const wish = await wishOf(ownership, caller, frame);
    const { asked, before } = await look({ bus, isKeptOut }, wish);
    if (before !== undefined) checkSame(wish, asked, before);
  };
}

async function wishOf(ownership: Ownership, caller: Caller, frame: Omit<ApproveFrame, "type">): Promise<Wish> {
  const rights = await ownership.decider(frame.conversation_id, caller);
  const turn = turnOfCall(frame.call_id);
  if (turn === undefined) throw noSuchCall();
  return { ...frame, ...rights, turn, user: caller.user, caller };
}

function addressOf({ conversation_id, turn, call_id }: Wish): FactAddress {
  return { conversation: conversation_id, turn, call: call_id };
}

interface Found {
  readonly asked: Asked;
  /** The decision that counts already. */
  readonly before: StoredFact<"decided"> | undefined;
}

/** What is known of the call. Throws where nothing was decided yet and this must not be. */
async function look({ bus, isKeptOut }: Pick<ApproveDeps, "bus" | "isKeptOut">, wish: Wish): Promise<Found> {
  const { facts } = bus;
  const address = addressOf(wish);
  await checkOwnTurn(facts, address, wish);
  const [asked, before] = await Promise.all([facts.readStored("asked", address), facts.readStored("decided", address)]);
  // What was asked for and cannot be read nobody can agree to.
  if (!isAsked(asked)) throw noSuchCall();
  if (before !== undefined) return { asked, before };
  if (wish.approved) await checkFourEyes(facts, asked.fact, wish);
  checkConfirmed(asked.fact, wish);
  checkLike(asked.fact, wish);
  checkFilledIn(asked.fact, wish);
  const request = await checkWaits(bus, address);
  if (wish.approved && isAskerKeptOut(request, isKeptOut)) throw askerKeptOut();
  return { asked, before };
}

async function decide(
  { bus, isKeptOut }: Pick<ApproveDeps, "bus" | "isKeptOut">,
  wish: Wish,
): Promise<{ decided: FactOf<"decided">; isNew: boolean }> {
  const { facts } = bus;
  const { asked, before } = await look({ bus, isKeptOut }, wish);
  if (before !== undefined)
    return { decided: await settle(bus, wish, asked, { found: before, isNew: false }), isNew: false };
  const { won } = await facts.write(decisionOf(asked.fact, wish));
  // Also one's own is read again: only the broker's time tells whether it came in time.
  const stored = await facts.readStored("decided", addressOf(wish));
  // Between the two the conversation was deleted.
  if (stored === undefined) throw noSuchCall();
  if (won) await noteLike(facts, asked.fact, wish);
  return { decided: await settle(bus, wish, asked, { found: stored, isNew: won }), isNew: won };
}

function askerKeptOut(): ChatError {
  const message = "Whoever asked for this was revoked or blocked since: it can only be denied.";
  return new ChatError("FORBIDDEN", { message });
}

function checkConfirmed({ confirm }: FactOf<"asked">, { approved, confirm: typed }: Wish): void {
  if (!approved || confirm === undefined || typed?.trim() === confirm) return;
  const message = `This is agreed to only by typing "${confirm}" (\`confirm\`).`;
  throw new ChatError("INVALID_FRAME", { message });
}

function checkLike({ like_ms: mostMs }: FactOf<"asked">, { approved, like_ms: wishedMs }: Wish): void {
  if (!approved || wishedMs === undefined || wishedMs <= (mostMs ?? 0)) return;
  const most = mostMs === undefined ? "not to calls like it" : `to calls like it for at most ${mostMs} ms`;
  throw new ChatError("INVALID_FRAME", { message: `This can be agreed to, ${most} (\`like_ms\`).` });
}

function checkFilledIn({ form }: FactOf<"asked">, { approved, content }: Wish): void {
  if (!approved || (form === undefined && content === undefined)) return;
  const problem = form === undefined ? "It asks for nothing to be filled in." : formProblem(form, content ?? {});
  if (problem !== undefined) throw new ChatError("INVALID_FRAME", { message: `${problem} (\`content\`)` });
}

/** Where tool workers find that calls like it were agreed to. It decides nothing: lost with its edge, the next such call is asked about. */
async function noteLike(
  facts: ApproveDeps["bus"]["facts"],
  { like_scope: scope }: FactOf<"asked">,
  { approved, like_ms, conversation_id, turn: turn_id, call_id }: Wish,
): Promise<void> {
  if (!approved || like_ms === undefined || scope === undefined) return;
  const decided = { turn_id, call_id };
  const like: FactOf<"like"> = {
    kind: "like",
    v: 1,
    conversation_id,
    turn_id: likeTurn,
    ts: Date.now(),
    scope,
    decided,
  };
  // The decision stands; who cannot note this has no room, or no broker.
  await facts.replace(like, () => true).catch(() => false);
}

function decisionOf({ hash }: FactOf<"asked">, wish: Wish): FactOf<"decided"> {
  const { conversation_id, turn: turn_id, call_id, approved, like_ms, content, user } = wish;
  // The model reads it, too: one line, without control characters.
  const reason = titleLine(wish.reason ?? "");
  return {
    kind: "decided",
    v: 1,
    conversation_id,
    turn_id,
    ts: Date.now(),
    call_id,
    approved,
    by: { id: user.id, ...(user.name === undefined ? {} : { name: user.name }) },
    ...(reason === "" ? {} : { reason }),
    hash,
    ...(approved && like_ms !== undefined ? { like_ms } : {}),
    ...(approved && content !== undefined ? { content } : {}),
  };
}

/** Sees to the event of the decision that counts. Throws unless that is the one that is wanted. */
async function settle(
  bus: ApproveDeps["bus"],
  wish: Wish,
  asked: Asked,
  { found, isNew }: { readonly found: StoredFact<"decided">; readonly isNew: boolean },
): Promise<FactOf<"decided">> {
  if (!isDecision(found)) throw decidedBefore();
  const { fact } = found;
  await Promise.all([
    ensureEvent(bus, decidedEventOf(asked, found), isNew),
    ...(isOwn(fact, wish)
      ? [auditDecision(bus.audit, wish, { asked, fact, isExpired: hasExpired(asked, found) })]
      : []),
  ]);
  return checkSame(wish, asked, found);
}

/** Throws unless the decision that counts is the one that is wanted. */
function checkSame(wish: Wish, asked: Asked, found: StoredFact<"decided">): FactOf<"decided"> {
  if (!isDecision(found)) throw decidedBefore();
  if (hasExpired(asked, found))
    throw new ChatError("APPROVAL_EXPIRED", { message: "The time to decide was over: it counts as denied." });
  const { fact } = found;
  if (fact.approved === wish.approved && isOwn(fact, wish)) return fact;
  const by = fact.by === undefined ? "" : ` by ${fact.by.name ?? fact.by.id}`;
  throw decidedBefore(`: ${fact.approved ? "agreed to" : "denied"}${by}`);
}

function isOwn({ by }: FactOf<"decided">, { user }: Wish): boolean {
  return by?.id === user.id;
}

function decidedBefore(how = ""): ChatError {
  return new ChatError("CONFLICT", { message: `It was decided before${how}.` });
}

/** An edge may have died between the fact and its event. Of a turn that has ended nobody needs it, and it would come after the end. */
async function ensureEvent({ events, turns }: ApproveDeps["bus"], event: DecidedEvent, isNew: boolean): Promise<void> {
  const { conversation_id: conversation, turn_id: turn, call_id } = event;
  const subject = subjects.approvalDecided(events.shardOf(conversation), conversation, turn, call_id);
  if (!isNew && (await events.last(subject)) !== undefined) return;
  if (!isNew && (await openTurn(turns, { conversation, turn })) === undefined) return;
  await events.ensureWritten(subject, event);
}

interface Decided {
  readonly asked: Asked;
  readonly fact: FactOf<"decided">;
  readonly isExpired: boolean;
}

/**
 * The decision counts already, so it is told even where this cannot be stored; by whose word a call runs, the entry of its beginning says once more, and without
 * that one it does not run. Told again after the same decision was made again: its edge may have died before this.
 */
async function auditDecision(
  audit: Bus["audit"],
  { caller: { user, tenant, roles, session, address } }: Wish,
  { asked, fact, isExpired }: Decided,
): Promise<void> {
  const { conversation_id, turn_id, call_id, approved, like_ms, hash } = fact;
  const { tool_name: tool, four_eyes } = asked.fact;
  const entry: AuditEntry = {
    ...{ v: 1, kind: "decided", writer: `edge-${process.pid}@${hostname()}` },
    ...{ user: { id: user.id, name: user.name }, roles: [...roles], tenant, session, address },
    ...{ conversation_id, turn_id, call_id, tool, hash, four_eyes, approved, like_ms },
    expired: isExpired ? true : undefined,
  };
  // Ids are one space for all who write: one that another role can tell before the decision is made, it could use up. When it was made nobody knows before.
  await audit.write(entry, `decided.${call_id}.${fact.ts}`);
}
