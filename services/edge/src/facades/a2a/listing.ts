import { A2aError, conversationOfContext, stateOfTask, type ListParams, type TaskPlace } from "@parley/dialects";
import { demand, type Caller } from "@parley/protocol";
import { createGate } from "@parley/runtime";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Call } from "../../transport/route.ts";
import { endedTask, taskOf, type KnownTask, type TaskReading } from "./tasks.ts";

export type ListingDeps = Pick<FacadeDeps, "conversations" | "ownership" | "may" | "bus"> & {
  readonly tasks: TaskReading;
};

/** The contexts of which tasks are listed where none is named: those with the latest messages. */
const maxContexts = 50;
/** Messages of each context that are looked through; a task has two. */
const maxMessages = 200;
/** Contexts that one listing reads at a time. */
const atOnce = 4;

const defaultPageSize = 50;

interface Context {
  readonly conversation_id: string;
  readonly context?: string | undefined;
}

/** `ListTasks`: the newest first. Of each context its latest tasks. Throws A2aError and ChatError. */
export function createTaskListing(deps: ListingDeps) {
  const enter = createGate(16);

  return async (call: Call, params: ListParams): Promise<object> => {
    const { includeArtifacts, historyLength, pageToken } = params;
    const pageSize = params.pageSize ?? defaultPageSize;
    const all = await enter(async () => tasksOf(deps, call, await contextsOf(deps, call.caller, params)));
    const fitting = all.filter((task) => fits(task, params)).toSorted(newestFirst);
    const after = pageToken === undefined ? undefined : placeOfToken(pageToken);
    const from = after === undefined ? fitting : fitting.filter((task) => newestFirst(after, task) < 0);
    const page = from.slice(0, pageSize);
    const last = from.length > pageSize ? page.at(-1) : undefined;
    const how = { historyLength, withoutArtifacts: includeArtifacts !== true };
    return {
      tasks: page.map((task) => taskOf(task, how)),
      nextPageToken: last === undefined ? "" : tokenOf(last),
      pageSize,
      totalSize: fitting.length,
    };
  };
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

async function tasksOf(deps: ListingDeps, call: Call, contexts: readonly Context[]): Promise<KnownTask[]> {
  const look = createGate(atOnce);
  const found = await Promise.all(contexts.map((context) => look(() => tasksIn(deps, call, context))));
  return found.flat();
}

async function tasksIn({ bus, tasks }: ListingDeps, call: Call, context: Context): Promise<KnownTask[]> {
  const { conversation_id } = context;
  // The queue first: what leaves it between the two is in the transcript.
  const queued = await bus.turns.waiting(conversation_id);
  const { turns } = await bus.transcripts.tail(conversation_id, { limit: maxMessages });
  const ended = turns.flatMap((stored) => endedTask({ ...context, turn_id: stored.turn_id }, stored) ?? []);
  const known = new Set(ended.map(({ place }) => place.turn_id));
  const open: TaskPlace[] = queued
    .filter(({ request }) => !known.has(request.turn_id))
    .map(({ request }) => ({ ...context, turn_id: request.turn_id }));
  // One that was deleted between the two is no more.
  const read = await Promise.all(open.map((place) => tasks.read(call, place).catch(() => undefined)));
  return [...ended, ...read.filter((task) => task !== undefined)];
}

function fits({ view, atMs = 0 }: KnownTask, { status, statusTimestampAfter }: ListParams): boolean {
  const isAny = status === null || status === undefined || status === "TASK_STATE_UNSPECIFIED";
  if (!isAny && stateOfTask(view) !== status) return false;
  return !statusTimestampAfter || atMs >= Date.parse(statusTimestampAfter);
}

type Order = Pick<KnownTask, "atMs"> & { readonly place: TaskPlace };

function newestFirst(one: Order, other: Order): number {
  const byTime = (other.atMs ?? 0) - (one.atMs ?? 0);
  if (byTime !== 0) return byTime;
  return one.place.turn_id < other.place.turn_id ? -1 : Number(one.place.turn_id > other.place.turn_id);
}

function tokenOf({ atMs = 0, place }: Order): string {
  return Buffer.from(`${atMs}:${place.turn_id}`).toString("base64url");
}

/** Throws A2aError for what is no token of ours. */
function placeOfToken(token: string): Order {
  const [, time, turn_id] = /^(\d{1,16}):([\w-]{1,64})$/.exec(Buffer.from(token, "base64url").toString()) ?? [];
  if (time === undefined || turn_id === undefined)
    throw new A2aError("INVALID_PARAMS", "`pageToken` is none that came from here.");
  return { atMs: Number(time), place: { conversation_id: "", turn_id } };
}
