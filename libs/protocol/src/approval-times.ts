import type { StoredEvent } from "./events.ts";
import type { FactKind, FactOf } from "./facts.ts";
import { limits } from "./limits.ts";
import { approvalTermsOf } from "./parts-fold.ts";
import type { ToolArguments } from "./tool-calls.ts";

/**
 * When a person's word counts (docs/adr/0017): what the facts of a call say together, by the broker's clock alone. Edges, agent workers and tool workers judge by
 * these, so that a call is told, and run, as one thing.
 */

/** A fact, and when the broker stored it, by its clock. */
interface FactAt<Kind extends FactKind> {
  readonly fact: FactOf<Kind>;
  readonly storedMs: number;
}
export type AskedAt = FactAt<"asked">;
export type DecidedAt = FactAt<"decided">;
export type AskedEvent = Extract<StoredEvent, { type: "approval_required" }>;
export type DecidedEvent = Extract<StoredEvent, { type: "approval_decided" }>;

/** From when on it counts as denied if nobody has decided. */
export function approvalEndMs({ fact: { expires_at, ts }, storedMs }: AskedAt): number {
  return storedMs + Math.min(limits.approvalMs, expires_at - ts);
}

/** Whether nobody agreed in time. To say no it is never too late. */
export function hasExpired(asked: AskedAt, { fact, storedMs }: DecidedAt): boolean {
  if (fact.expired === true || !fact.approved) return fact.expired === true;
  return storedMs > approvalEndMs(asked) + limits.approvalGraceMs;
}

/** Whether a call to which somebody has agreed in time may not begin at that time any more: an agreement is not kept for later. */
export function hasLapsed(asked: AskedAt, beginMs: number): boolean {
  return beginMs > approvalEndMs(asked) + limits.approvalBeginGraceMs;
}

/** What viewers are told. A pure function of the facts: whoever finds a decision without its event writes the same. */
export function decidedEventOf(asked: AskedAt, decided: DecidedAt): DecidedEvent {
  const { conversation_id, turn_id, call_id, ts, approved, by, reason, like_ms } = decided.fact;
  const place = { type: "approval_decided", conversation_id, turn_id, ts, call_id } as const;
  if (hasExpired(asked, decided)) return { ...place, approved: false, reason: "expired" };
  return {
    ...{ ...place, approved },
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
    ...(like_ms === undefined ? {} : { like_for_ms: like_ms }),
  };
}

/** What viewers are told of a question. A pure function of the fact and of the call as its step committed it. */
export function askedEventOf(
  { call_id, tool_name, conversation_id, turn_id, ts, ...request }: FactOf<"asked">,
  args: ToolArguments,
): AskedEvent {
  const { summary, preview, confirm, expires_at } = request;
  return {
    ...{ type: "approval_required", conversation_id, turn_id, ts, call_id, tool_name, arguments: args, summary },
    ...(preview === undefined ? {} : { preview }),
    ...(confirm === undefined ? {} : { confirm }),
    ...{ ...approvalTermsOf(request), expires_at },
  };
}

/** What people and the model read of a call that was not done for one of these reasons, whoever writes it. It is `denied`. */
export const notAgreedInTime = "Nobody agreed in time, so this was not done.";
export const agreementLapsed =
  "It was agreed to, but that agreement had expired before this could begin, so it was not done. It would have to be agreed to again.";
