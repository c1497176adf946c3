import type { Bus, ConversationEnd, ToolJobs } from "@parley/bus";
import { ChatError, type CallId, type ConversationId, type User } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import { requestCancel } from "../cancel.ts";

export interface DeletionDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "turns" | "conversations">;
  /** Undefined: there is no Redis here, so no tool queue that this process knows of. */
  readonly jobs: ToolJobs | undefined;
  /** Removes it from the user's list. */
  readonly unlist: (userId: string, conversation: ConversationId) => Promise<void>;
}

/** A worker stops within a fraction of a second; one that was lost is replaced after its silence, which is not waited for. */
const maxStopMs = 10_000;
const lookEveryMs = 50;

/**
 * Deletes a conversation. What runs is cancelled and has ended before anything is removed, because its workers would write on otherwise; a
 * message that is accepted meanwhile goes with it, and one that is accepted later begins the conversation anew. Then every edge is told, and
 * nothing is served from memory any more. Can be repeated. Throws CONVERSATION_BUSY when something does not end in time, and OVERLOADED when
 * the tool queue cannot be asked.
 */
export function createDeletion({ bus, jobs, unlist }: DeletionDeps) {
  const { turns, conversations } = bus;

  const cancelAll = async (
    conversation: ConversationId,
    user: Pick<User, "id">,
    asked: Set<string>,
  ): Promise<boolean> => {
    await turns.removeEnded(conversation);
    const waiting = await turns.waiting(conversation);
    for (const { request } of waiting) {
      const { turn_id } = request;
      if (asked.has(turn_id)) continue;
      asked.add(turn_id);
      await requestCancel(bus, { conversation, turn: turn_id, by: user.id, reason: "deleted" });
    }
    return waiting.length === 0;
  };

  /** A job would hold a copy of its arguments, and one that runs may store a result later. Returns whether none is left. */
  const dropCalls = async (conversation: ConversationId): Promise<boolean> => {
    const calls = jobs === undefined ? [] : await conversations.callsOf(conversation);
    return calls.length === 0 || (await drop(jobs, calls)).length === 0;
  };

  return async (conversation: ConversationId, user: Pick<User, "id">): Promise<void> => {
    const asked = new Set<string>();
    const deadline = performance.now() + maxStopMs;
    const isStill = async (): Promise<boolean> =>
      (await cancelAll(conversation, user, asked)) && (await dropCalls(conversation));
    let end: ConversationEnd;
    for (;;) {
      const wasStill = await isStill();
      end = await conversations.endOf(conversation);
      // Nothing ran before and after: all up to this end is of turns that are over, and no later turn has anything below it.
      if (wasStill && (await turns.waiting(conversation)).length === 0) {
        await conversations.purge(conversation, end);
        break;
      }
      if (performance.now() > deadline) throw stillBusy();
      await sleep(lookEveryMs);
    }
    await conversations.announceDeletion(conversation, end);
    await unlist(user.id, conversation);
  };
}

/**
 * Deletes a conversation in which nothing has happened since then. What runs or waits in it, or was noted meanwhile, keeps it: the look comes behind the end up to which is removed, so all that is removed was seen to be old.
 * Returns whether it did.
 */
export function createRetiring({ bus, unlist }: Pick<DeletionDeps, "bus" | "unlist">) {
  const { turns, conversations } = bus;
  const isIdle = async (conversation: ConversationId): Promise<boolean> => {
    await turns.removeEnded(conversation);
    return (await turns.waiting(conversation)).length === 0;
  };
  return async (conversation: ConversationId, user: string, notSinceMs: number): Promise<boolean> => {
    if (!(await isIdle(conversation))) return false;
    const end = await conversations.endOf(conversation);
    if ((await conversations.touchedAt(conversation)) > notSinceMs || !(await isIdle(conversation))) return false;
    await conversations.purge(conversation, end);
    await conversations.announceDeletion(conversation, end);
    await unlist(user, conversation);
    return true;
  };
}

async function drop(jobs: ToolJobs | undefined, calls: readonly CallId[]): Promise<CallId[]> {
  try {
    return (await jobs?.drop(calls)) ?? [];
  } catch (cause) {
    const message = "The tool queue cannot be reached, so the conversation cannot be deleted whole. Try again.";
    throw new ChatError("OVERLOADED", { message, retryAfterMs: 2_000, cause });
  }
}

function stillBusy(): ChatError {
  const message = "What runs in this conversation has not stopped yet. Try again.";
  return new ChatError("CONVERSATION_BUSY", { message, retryAfterMs: 5_000 });
}
