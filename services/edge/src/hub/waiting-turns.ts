import type { Bus, EventAtSeq, FactAddress, QueuedTurn } from "@parley/bus";
import { toolCallEndOf } from "@parley/bus";
import {
  askedEventOf,
  callPart,
  createTurnView,
  decidedEventOf,
  decodeEvent,
  foldEvent,
  messageEventOf,
  parseEventSubject,
  partsInOrder,
  pendingCallsOf,
  subjects,
  type FactOf,
  type Part,
  type Parts,
  type ReadEvent,
  type TurnView,
} from "@parley/protocol";
import { isAsked, isDecision } from "./decision.ts";
import type { OpenTurn } from "./ring.ts";

type WaitingDeps = Pick<Bus, "events" | "facts">;

/** A turn whose beginning is no longer kept, as what decides tells it; and from where on its events go on. */
export interface Settling {
  readonly open: OpenTurn;
  /** Sequence of the first event of its chain that is still kept, where there are some that are not in it. */
  readonly from: number | undefined;
}

/** A worker that is about to let the turn wait writes the fact a moment before the event. */
const mostTries = 4;

/**
 * Makes a turn of the fact `wait` and those of its calls, for a turn that waited for longer than events are kept (docs/adr/0017): those are what a worker goes on
 * from as well. Undefined: it never waited, or what came after it waited is not kept whole. `isBehind`: its first event is forgotten, and it is not the first of
 * the queue, so that nobody has begun it: its message is all there is.
 */
export async function readWaiting(
  deps: WaitingDeps,
  turn: QueuedTurn,
  isBehind: boolean,
): Promise<Settling | undefined> {
  for (let tries = 0; tries < mostTries; tries++) {
    const read = await readOnce(deps, turn, isBehind);
    if (read !== "moved") return read;
  }
  return undefined;
}

/** `moved`: read in the middle of a change. */
async function readOnce(
  deps: WaitingDeps,
  { request }: QueuedTurn,
  isBehind: boolean,
): Promise<Settling | "moved" | undefined> {
  const { conversation_id: conversation, turn_id: turn } = request;
  const chain = subjects.agent(deps.events.shardOf(conversation), conversation, turn);
  // In this order: the fact is written before the event that says so.
  const last = await deps.events.lastFromLeader(chain);
  const wait = await deps.facts.read("wait", { conversation, turn });
  if (wait === undefined && last === undefined && isBehind) return settling(queuedView(request), 0);
  return wait?.kind === "wait" ? settle(deps, request, wait, last) : undefined;
}

async function settle(
  deps: WaitingDeps,
  request: QueuedTurn["request"],
  wait: FactOf<"wait">,
  last: EventAtSeq | undefined,
): Promise<Settling | "moved" | undefined> {
  const { conversation_id, turn_id } = request;
  const chain = subjects.agent(deps.events.shardOf(conversation_id), conversation_id, turn_id);
  const standing = standingOf(wait, last?.event);
  if (standing === "moved") return standing;
  const from = standing === "goes on" ? await beginOf(deps, chain, wait.attempt) : undefined;
  if (standing === "unknown" || (standing === "goes on" && from === undefined)) return undefined;
  const view = waitedView(queuedView(request), wait, await callEvents(deps, wait));
  return settling(view, wait.attempt, { seq: last?.seq ?? 0, from });
}

function settling(
  view: TurnView,
  attempt: number,
  { seq, from }: { readonly seq: number; readonly from: number | undefined } = { seq: 0, from: undefined },
): Settling {
  return { open: { startSeq: 0, view, settled: { attempt, seq } }, from };
}

function queuedView(request: QueuedTurn["request"]): TurnView {
  return foldEvent(createTurnView(request.turn_id), messageEventOf(request));
}

/** `waits`: its chain ends with that, or is forgotten; `goes on`: a later attempt has it; `moved`: read in the middle of a change. */
function standingOf(
  { attempt }: FactOf<"wait">,
  last: ReadEvent | undefined,
): "waits" | "goes on" | "moved" | "unknown" {
  if (last === undefined) return "waits";
  if (!("attempt" in last)) return "unknown";
  if (last.attempt > attempt) return "goes on";
  return last.attempt === attempt && last.type === "waiting" ? "waits" : "moved";
}

/** Where what is kept of a chain begins; undefined: something is missing between that and the attempt that waited. */
async function beginOf({ events }: WaitingDeps, chain: string, waited: number): Promise<number | undefined> {
  const { conversation = "" } = parseEventSubject(chain) ?? {};
  const seq = await events.firstSeq(chain);
  if (seq === undefined) return undefined;
  const first = (await events.read(conversation, { fromSeq: seq, toSeq: seq })).find(
    ({ subject }) => subject === chain,
  );
  const event = first === undefined ? undefined : decodeEvent(first.data);
  if (event === undefined || !("attempt" in event)) return undefined;
  const isWhole = event.attempt <= waited || (event.attempt === waited + 1 && event.n === 0);
  return isWhole ? seq : undefined;
}

/** What was asked, decided and done of the turn's calls, as the events that were forgotten said it. */
async function callEvents({ facts }: WaitingDeps, wait: FactOf<"wait">): Promise<ReadEvent[]> {
  const { conversation_id: conversation, turn_id: turn } = wait;
  const read = async (call: CallOf): Promise<ReadEvent[]> => {
    const address: FactAddress = { conversation, turn, call: call.call_id };
    const [asked, decided, result] = await Promise.all([
      facts.readStored("asked", address),
      facts.readStored("decided", address),
      facts.read("result", address),
    ]);
    return [
      ...(isAsked(asked) ? [askedEventOf(asked.fact, call.arguments)] : []),
      ...(isAsked(asked) && isDecision(decided) ? [decidedEventOf(asked, decided)] : []),
      ...(result?.kind === "result" ? [toolCallEndOf(result)] : []),
    ];
  };
  return (await Promise.all(wait.steps.flatMap(({ calls }) => calls.map(read)))).flat();
}

type CallOf = FactOf<"wait">["steps"][number]["calls"][number];

/** The answer as it stood when the turn began to wait, and what came of its calls since. */
function waitedView(queued: TurnView, wait: FactOf<"wait">, events: readonly ReadEvent[]): TurnView {
  const begun: TurnView = { ...queued, attempt: wait.attempt, parts: waitedParts(wait), status: "waiting" };
  const view = events.reduce(foldEvent, begun);
  return { ...view, status: pendingCallsOf(view.parts).length > 0 ? "waiting" : "running" };
}

/** Where the order is not of what there is, text and calls are all that is known. */
function waitedParts({ steps, parts }: FactOf<"wait">): Parts {
  const text = steps.map((step) => step.text).join("");
  const calls = steps.flatMap((step) => step.calls);
  return partsInOrder(parts, { text, calls }) ?? [...(text === "" ? [] : [textPart(text)]), ...calls.map(callPart)];
}

function textPart(text: string): Part {
  return { type: "text", text };
}
