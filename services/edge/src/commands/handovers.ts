import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Bus } from "@parley/bus";
import {
  ChatError,
  demand,
  type Author,
  type Caller,
  type ConversationId,
  type HandoverRecord,
  type May,
} from "@parley/protocol";
import type { HandoverFigures } from "../figures/handover-figures.ts";
import type { Ownership } from "./ownership.ts";

export interface HandoverDeps {
  readonly bus: Pick<Bus, "handovers" | "audit">;
  readonly ownership: Ownership;
  readonly may: May;
  readonly figures: HandoverFigures;
}

export interface HandoverQueue {
  readonly records: readonly HandoverRecord[];
  /** By the clock of their times. */
  readonly nowMs: number;
}

/** Records let go for one list. */
const mostDropped = 100;

/** What people do who answer in place of agents, and what the owner of a conversation does about it (docs/handover.md). */
export function createHandoverCommands({ bus, ownership, may, figures }: HandoverDeps) {
  const { handovers } = bus;
  const demandRight = (caller: Caller): void =>
    demand(may(caller, "handover:answer", { kind: "handover", tenant: caller.tenant }));

  /** Of a conversation that may be handed over to the caller. What is of another tenant is to them as if it were not there. */
  const known = async (conversation: ConversationId, caller: Caller): Promise<HandoverRecord> => {
    demandRight(caller);
    const record = await handovers.of(conversation);
    if (record === undefined || record.tenant !== caller.tenant)
      throw new ChatError("NOT_FOUND", { message: "Nobody is waited for in this conversation, or not any more." });
    return record;
  };

  return {
    list: createList(bus, demandRight),

    /** The caller answers in it from now on. Throws CONFLICT where somebody else does, NOT_FOUND where nobody is waited for. */
    async take(conversation: ConversationId, caller: Caller): Promise<HandoverRecord> {
      const before = await known(conversation, caller);
      try {
        const record = await handovers.take(conversation, authorOf(caller));
        if (before.state === "waiting") {
          figures.taken(record);
          await audit(bus, caller, "handover_take", conversation);
        }
        return record;
      } catch (error) {
        if (error instanceof ChatError && error.code === "CONFLICT") figures.conflict();
        throw error;
      }
    },

    /** Whoever has it gives it back. Throws FORBIDDEN for others, NOT_FOUND where there is none. */
    async giveBack(conversation: ConversationId, caller: Caller): Promise<HandoverRecord> {
      const before = await known(conversation, caller);
      if (before.operator?.id !== caller.user.id)
        throw new ChatError("FORBIDDEN", { message: "You do not have this conversation." });
      const { record, isOwn } = await handovers.end(
        conversation,
        "given back",
        ({ operator }) => operator?.id === caller.user.id,
      );
      // Not where its owner was quicker.
      if (isOwn) {
        figures.ended(record);
        await audit(bus, caller, "handover_end", conversation);
      }
      return record;
    },

    withdraw: createWithdraw({ bus, ownership, figures }),

    /** Something was said in it by who has it. */
    answered: createAnswered(bus),
  };
}

function createList({ handovers }: Pick<Bus, "handovers">, demandRight: (caller: Caller) => void) {
  const follower = handovers.follow();
  /** Those of the caller's tenant who wait for a person, or have one; oldest first. Throws FORBIDDEN for who answers for nobody. */
  return async (caller: Caller, limit: number): Promise<HandoverQueue> => {
    demandRight(caller);
    const open = await follower.open();
    for (const { conversation, seq } of (await follower.takeOld()).slice(0, mostDropped))
      await handovers.dropEarlier(conversation, seq);
    if (open.length === 0) return { records: [], nowMs: 0 };
    const nowMs = await handovers.nowMs();
    const isShown = ({ tenant, until = nowMs }: HandoverRecord): boolean => tenant === caller.tenant && until >= nowMs;
    return { records: open.filter(isShown).slice(0, limit), nowMs };
  };
}

function createAnswered(bus: Pick<Bus, "audit">) {
  return async (conversation: ConversationId, caller: Caller, isRepeated: boolean): Promise<void> => {
    if (!isRepeated) await audit(bus, caller, "handover_answer", conversation);
  };
}

function createWithdraw({ bus: { handovers }, ownership, figures }: Omit<HandoverDeps, "may">) {
  /** The owner wants the agent back. NOT_FOUND where nobody was asked for. */
  return async (conversation: ConversationId, caller: Caller): Promise<HandoverRecord> => {
    await ownership.check(conversation, caller, "conversation:send");
    const { record, isOwn } = await handovers.end(conversation, "withdrawn");
    if (isOwn) figures.ended(record);
    await handovers.dropEarlier(conversation).catch(() => {});
    return record;
  };
}

/** Whether the caller has this conversation: then they may read it and answer in it, and nothing else. */
export function createIsOperator({ handovers }: Pick<Bus, "handovers">, may: May) {
  return async (conversation: ConversationId, caller: Caller, tenant: string | undefined): Promise<boolean> => {
    if (!may(caller, "handover:answer", { kind: "handover", tenant }).allowed) return false;
    const record = await handovers.of(conversation);
    return record?.state === "taken" && record.operator?.id === caller.user.id && record.tenant === caller.tenant;
  };
}

function authorOf({ user: { id, name } }: Caller): Author {
  return { role: "operator", id, ...(name === undefined ? {} : { name }) };
}

/** It has happened already, so it is told even where this cannot be stored. */
async function audit(
  { audit }: Pick<Bus, "audit">,
  { user, tenant, roles, session, address }: Caller,
  action: string,
  conversation_id: ConversationId,
): Promise<void> {
  const writer = `edge-${process.pid}@${hostname()}`;
  const who = { user: { id: user.id, name: user.name }, roles: [...roles], tenant, session, address };
  await audit.write({ v: 1, kind: "admin", writer, ...who, conversation_id, action }, randomUUID());
}
