import type { Bus, EventAtSeq } from "@parley/bus";
import { subjects, type FactOf, type TurnRequest } from "@parley/protocol";
import { foldEvent, type TurnFold } from "./turn-fold.ts";
import { foldOfWholeWait } from "./wait-fact.ts";

/** Of more it costs less to read the conversation. */
const mostCalls = 16;

export interface WaitedTurn {
  /** Of its chain. */
  readonly last: EventAtSeq;
  readonly wait: FactOf<"wait"> | undefined;
}

/**
 * A turn that has waited and whose chain ends with that wait, without a read of the event stream: that costs the broker time for all that came since
 * the turn began, however little of it is the turn's (40 ms at 40,000 events; 500 that were decided at once waited for each other). What is in the chain
 * is in the fact, and what came beside it has subjects that are known; what was asked and decided of the calls that it waits for, whoever claims it knows by
 * their facts (`foldApprovals`). Undefined: the events must say.
 */
export async function foldWaitedTurn(
  { conversation_id: conversation, turn_id: turn }: TurnRequest,
  { events }: Pick<Bus, "events">,
  { last, wait }: WaitedTurn,
): Promise<TurnFold | undefined> {
  if (wait === undefined || last.event.type !== "waiting" || last.event.attempt !== wait.attempt) return undefined;
  const fold = foldOfWholeWait(wait, last.seq);
  const calls = wait.steps.flatMap((step) => step.calls);
  if (fold === undefined || calls.length > mostCalls) return undefined;
  const shard = events.shardOf(conversation);
  const ofCall = [subjects.toolResult, subjects.approvalRequired, subjects.approvalDecided];
  const waits = new Set(wait.calls);
  const beside = calls.flatMap(({ call_id }) =>
    (waits.has(call_id) ? [subjects.toolResult] : ofCall).map((subject) => subject(shard, conversation, turn, call_id)),
  );
  const [message, ...found] = await Promise.all([
    events.last(subjects.user(shard, conversation, turn)),
    ...beside.map((subject) => events.last(subject)),
  ]);
  // While the message is kept, so is all that came after it: viewers have nothing that the log has not.
  if (message === undefined || message.seq > last.seq) return undefined;
  const inOrder = found.filter((event) => event !== undefined).toSorted((a, b) => a.seq - b.seq);
  for (const { seq, event } of inOrder) foldEvent(fold, seq, event);
  return fold;
}
