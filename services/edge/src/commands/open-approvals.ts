import type { AuditRecord, Bus, FactAddress } from "@parley/bus";
import {
  ChatError,
  limits,
  subjects,
  turnOfCall,
  type ApprovalRequest,
  type CallId,
  type Caller,
  type ConversationId,
  type DecidedAt,
  type FactOf,
  type May,
  type ToolArguments,
  type TurnId,
} from "@parley/protocol";
import { isAsked, isDecision, type Asked } from "../hub/decision.ts";
import { checkOwnTurn, checkWaits, isAskerKeptOut, noSuchCall, type IsKeptOut } from "./open-call.ts";
import type { Ownership } from "./ownership.ts";

export interface OpenApprovalsDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "turns" | "audit">;
  readonly ownership: Ownership;
  readonly may: May;
  readonly isKeptOut: IsKeptOut;
}

/** A question as it is listed: without its preview, which may be long. */
export interface OpenApproval extends Omit<ApprovalRequest, "preview"> {
  readonly conversation_id: ConversationId;
  readonly turn_id: TurnId;
  readonly call_id: CallId;
  readonly tool_name: string;
  /** For whom it would be done. */
  readonly user: { readonly id: string; readonly name?: string | undefined };
  /** ms since 1970, by the broker's clock. */
  readonly asked_at: number;
}

/** One question, whole. */
export interface Question extends Omit<OpenApproval, "user">, Pick<ApprovalRequest, "preview"> {
  /** Absent: they are forgotten, half an hour after it was asked. */
  readonly arguments?: ToolArguments;
  readonly decision?: Pick<DecidedAt["fact"], "approved" | "by" | "reason" | "expired">;
}

/** What the audit log says of a question that may be open. */
type Candidate = FactAddress & { readonly record: AuditRecord; readonly call: CallId };

/** Remembered of all tenants together: the oldest go first. */
const maxRemembered = 10_000;

/**
 * Questions that wait, for people who approve for others (docs/adr/0023). Found by the audit log, which says what was asked; whether one is still open, and what it
 * says, is told by its facts alone.
 */
export function createOpenApprovals({ bus, ownership, may, isKeptOut }: OpenApprovalsDeps) {
  const questions = createCandidates(bus.audit);

  const openOne = async (caller: Caller, one: Candidate): Promise<OpenApproval | undefined> => {
    try {
      const { isApprover } = await ownership.decider(one.conversation, caller);
      const { asked, decided } = await readQuestion(bus.facts, one);
      if (!isApprover) return undefined;
      if (decided !== undefined) throw noSuchCall();
      if (isAskerKeptOut(await checkWaits(bus, one), isKeptOut)) return undefined;
      const { user = { id: "" } } = one.record.entry;
      return { ...listed(asked), user };
    } catch (error) {
      if (!(error instanceof ChatError) || (error.code !== "NOT_FOUND" && error.code !== "FORBIDDEN")) throw error;
      if (error.code === "NOT_FOUND") questions.forget(one.call);
      return undefined;
    }
  };

  return {
    /** Of the caller's tenant, newest first, at most `limit`. Throws FORBIDDEN for who approves nothing. */
    async list(caller: Caller, limit: number): Promise<OpenApproval[]> {
      const verdict = may(caller, "approval:decide", { kind: "approval", tenant: caller.tenant });
      if (!verdict.allowed) throw new ChatError(verdict.code, { message: verdict.message });
      const candidates = await questions.ofTenant(caller.tenant);
      const open: OpenApproval[] = [];
      // Those that the caller may not open, or that are no longer open, take nobody's place.
      for (let at = 0; at < candidates.length && open.length < limit; at += limit) {
        const found = await Promise.all(candidates.slice(at, at + limit).map((one) => openOne(caller, one)));
        open.push(...found.filter((one) => one !== undefined));
      }
      return open.slice(0, limit);
    },

    /** For who may decide on it. Throws as `approve` does. */
    async question(caller: Caller, conversation: ConversationId, call: CallId): Promise<Question> {
      const rights = await ownership.decider(conversation, caller);
      const turn = turnOfCall(call);
      if (turn === undefined) throw noSuchCall();
      await checkOwnTurn(bus.facts, { conversation, turn, call }, rights);
      const { asked, decided } = await readQuestion(bus.facts, { conversation, turn, call });
      const args = await argumentsOf(bus.events, asked.fact);
      return {
        ...listed(asked),
        ...(asked.fact.preview && { preview: asked.fact.preview }),
        ...(args && { arguments: args }),
        ...(decided && { decision: decided }),
      };
    },
  };
}

async function readQuestion(
  facts: Bus["facts"],
  address: FactAddress,
): Promise<{ readonly asked: Asked; readonly decided: FactOf<"decided"> | undefined }> {
  const [asked, decided] = await Promise.all([
    facts.readStored("asked", address),
    facts.readStored("decided", address),
  ]);
  if (!isAsked(asked)) throw noSuchCall();
  // Who cannot read the decision knows at least that there is one.
  if (decided !== undefined && !isDecision(decided)) throw noSuchCall();
  return { asked, decided: decided?.fact };
}

function listed({ fact, storedMs }: Asked): Omit<OpenApproval, "user"> {
  const { conversation_id, turn_id, call_id, tool_name, summary, confirm, expires_at } = fact;
  const { four_eyes, like_ms, form, policy_reason } = fact;
  const terms = { confirm, four_eyes, like_ms, form, policy_reason };
  return {
    conversation_id,
    turn_id,
    call_id,
    tool_name,
    summary,
    ...terms,
    expires_at,
    asked_at: Math.floor(storedMs),
  };
}

async function argumentsOf(
  events: Bus["events"],
  { conversation_id, turn_id, call_id }: FactOf<"asked">,
): Promise<ToolArguments | undefined> {
  const shard = events.shardOf(conversation_id);
  const last = await events.last(subjects.approvalRequired(shard, conversation_id, turn_id, call_id));
  return last?.event.type === "approval_required" ? last.event.arguments : undefined;
}

/** What was asked in the last day and has, as far as the audit log says, not been decided, begun or refused since. */
function createCandidates(audit: Bus["audit"]) {
  const open = new Map<CallId, Candidate>();
  const follower = audit.follow();
  let looking: Promise<void> | undefined;

  const take = (record: AuditRecord): void => {
    const { kind, call_id: call, conversation_id: conversation, turn_id: turn } = record.entry;
    if (call === undefined || conversation === undefined || turn === undefined) return;
    if (kind !== "asked") return void open.delete(call);
    open.delete(call);
    open.set(call, { record, conversation, turn, call });
    const [oldest] = open.keys();
    if (open.size > maxRemembered && oldest !== undefined) open.delete(oldest);
  };
  const prune = (): void => {
    const newestMs = [...open.values()].at(-1)?.record.storedMs ?? 0;
    for (const [call, { record }] of open) {
      if (record.storedMs > newestMs - limits.approvalMs) return;
      open.delete(call);
    }
  };

  return {
    forget: (call: CallId): unknown => open.delete(call),

    /** Newest first. */
    async ofTenant(tenant: string | undefined): Promise<Candidate[]> {
      // People who look at the same time look once.
      looking ??= follower.next(take).finally(() => (looking = undefined));
      await looking;
      prune();
      return [...open.values()].filter(({ record }) => record.entry.tenant === tenant).toReversed();
    },
  };
}
