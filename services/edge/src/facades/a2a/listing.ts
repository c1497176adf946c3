import { conversationOfContext, type ListParams } from "@parley/dialects";
import { demand, type Caller } from "@parley/protocol";
import { createFairGate } from "../../fair-gate.ts";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Call } from "../../transport/route.ts";
import { placeOfToken, tokenOf } from "./page-tokens.ts";
import { createTaskWalk, type Context, type WalkDeps } from "./task-walk.ts";
import { taskOf } from "./tasks.ts";

export type ListingDeps = WalkDeps & Pick<FacadeDeps, "conversations" | "ownership" | "may" | "bus">;

/** Contexts of which tasks are listed where none is named: those with the latest messages. */
const maxContexts = 50;
/** Each may take many look-ups, and they are on the loop that forwards tokens. One user's leave a place for the others. */
const listings = { atOnce: 4, perUser: 3 };
/** Of a page, as JSON; the task that passes it is the last one. */
const maxPageBytes = 4 * 1024 * 1024;

const defaultPageSize = 50;

/** `ListTasks`: the newest first. Throws A2aError and ChatError, RATE_LIMITED where too many of the user's are under way. */
export function createTaskListing(deps: ListingDeps) {
  const enter = createFairGate(listings);
  return (call: Call, params: ListParams): Promise<object> =>
    enter(call.caller.user.id, () => page(deps, call, params));
}

async function page(deps: ListingDeps, call: Call, params: ListParams): Promise<object> {
  const { includeArtifacts, historyLength, pageToken, status, statusTimestampAfter } = params;
  const pageSize = params.pageSize ?? defaultPageSize;
  const from = pageToken === undefined ? undefined : placeOfToken(pageToken);
  const contexts = call.exchange.isOpen() ? await contextsOf(deps, call.caller, params) : [];
  const walk = createTaskWalk(deps, call, { contexts, from, status, statusTimestampAfter });
  const how = { historyLength, withoutArtifacts: includeArtifacts !== true };
  const tasks: object[] = [];
  let bytes = 0;
  while (tasks.length < pageSize && bytes < maxPageBytes) {
    const task = await walk.next();
    if (task === undefined) break;
    const told = taskOf(task, how);
    bytes += Buffer.byteLength(JSON.stringify(told));
    tasks.push(told);
  }
  const totalSize = (from?.count ?? 0) + tasks.length;
  const next = walk.place(totalSize);
  return { tasks, nextPageToken: next === undefined ? "" : tokenOf(next), pageSize, totalSize };
}

async function contextsOf(
  { conversations, ownership, may }: ListingDeps,
  caller: Caller,
  { contextId }: ListParams,
): Promise<Context[]> {
  if (contextId !== undefined) {
    const context = await conversationOfContext(ownership.isOwn, caller, contextId);
    return (await ownership.isOwn(context.conversation_id, caller)) ? [context] : [];
  }
  demand(may(caller, "conversation:list", { kind: "user", id: caller.user.id }));
  const isOwn = (id: string): Promise<boolean> => ownership.isOwn(id, caller);
  const query = { userId: caller.user.id, limit: maxContexts, after: undefined, isOwn };
  const { entries } = await conversations.list(query, undefined);
  return entries.map(({ conversation_id }) => ({ conversation_id }));
}
