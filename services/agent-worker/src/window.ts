import { jsonBytes } from "@parley/protocol";
import type { FenceOf } from "./fences.ts";
import { handedOverMessages, inTurns, joinedTurns } from "./handover/handover-context.ts";
import type { ModelMessage } from "./model/model.ts";
import { shortenSteps, type FinishedStep } from "./tool-text.ts";
import { bytesOf, plainTurnMessages, turnMessages, type EarlierTurn } from "./turn-messages.ts";

/** What of the turns before the running one is shown to the model. Pure. */

/** A turn with both its forms; what tools returned is the difference. */
interface SizedTurn {
  readonly turn: EarlierTurn;
  readonly whole: readonly ModelMessage[];
  readonly wholeBytes: number;
  readonly plain: readonly ModelMessage[];
  readonly plainBytes: number;
}

/**
 * The newest turns that fit, without a gap, oldest first. Where not all of them fit with what their tools returned, that is shortened first, the older turns'
 * before the newer ones', and the last turn keeps its own as far as half of the room goes; then the oldest turns are left out.
 */
export function windowOf(of: readonly EarlierTurn[], maxBytes: number, fenceOf?: FenceOf): ModelMessage[] {
  const turns = withFences(of, fenceOf);
  const isHandedOver = turns.some((turn) => handedOverMessages(turn) !== undefined);
  return isHandedOver ? inTurns(newestOf(turns, Math.max(0, maxBytes - inTurnsBytes))) : newestOf(turns, maxBytes);
}

/** The same in a room, with the message that is asked: what several people wrote one after the other is one message. */
export function roomWindowOf(
  of: readonly EarlierTurn[],
  asked: readonly ModelMessage[],
  { maxBytes, fenceOf }: { readonly maxBytes: number; readonly fenceOf: FenceOf | undefined },
): ModelMessage[] {
  return joinedTurns([...newestOf(withFences(of, fenceOf), Math.max(0, maxBytes - inTurnsBytes)), ...asked]);
}

function withFences(turns: readonly EarlierTurn[], fenceOf: FenceOf | undefined): readonly EarlierTurn[] {
  return fenceOf === undefined ? turns : turns.map((turn) => fenced(turn, fenceOf));
}

function fenced(turn: EarlierTurn, fenceOf: FenceOf): EarlierTurn {
  const hasCalls = (turn.answer?.tool_calls?.length ?? 0) > 0;
  return turn.answer === undefined || !hasCalls ? turn : { ...turn, fence: fenceOf(turn.answer.turn_id) };
}

/** What is said where somebody was silent. */
const inTurnsBytes = 256;

function newestOf(turns: readonly EarlierTurn[], maxBytes: number): ModelMessage[] {
  const whole: ModelMessage[][] = [];
  let leftBytes = maxBytes;
  for (const turn of turns.toReversed()) {
    const messages = turnMessages(turn);
    leftBytes -= bytesOf(messages);
    if (leftBytes < 0) return shortWindow(turns, maxBytes);
    whole.push(messages);
  }
  return whole.toReversed().flat();
}

function shortWindow(turns: readonly EarlierTurn[], maxBytes: number): ModelMessage[] {
  const newest = turns.at(-1);
  const last = newest === undefined ? undefined : sized(newest);
  const reservedBytes = last === undefined ? 0 : Math.min(last.wholeBytes - last.plainBytes, maxBytes / 2);
  const kept = newestFitting(turns, maxBytes, Math.max(0, reservedBytes));
  let leftBytes = maxBytes - kept.reduce((bytes, { plainBytes }) => bytes + plainBytes, 0);
  // Newest first: older turns get of the room what newer ones leave.
  return kept
    .flatMap((one) => {
      const messages = one.wholeBytes - one.plainBytes <= leftBytes ? one.whole : shortTurn(one, leftBytes);
      leftBytes -= bytesOf(messages) - one.plainBytes;
      return [messages];
    })
    .toReversed()
    .flat();
}

/** Those of which at least the texts of people and models fit beside the reserve, newest first; the last turn needs none. */
function newestFitting(turns: readonly EarlierTurn[], maxBytes: number, reservedBytes: number): SizedTurn[] {
  const kept: SizedTurn[] = [];
  let leftBytes = maxBytes;
  for (const turn of turns.toReversed()) {
    const one = sized(turn);
    const roomBytes = kept.length === 0 ? leftBytes : leftBytes - reservedBytes;
    if (one.plainBytes > roomBytes) break;
    leftBytes -= one.plainBytes;
    kept.push(one);
  }
  return kept;
}

function sized(turn: EarlierTurn): SizedTurn {
  const [whole, plain] = [turnMessages(turn), plainTurnMessages(turn)];
  return { turn, whole, wholeBytes: bytesOf(whole), plain, plainBytes: bytesOf(plain) };
}

/** With as much of what its tools returned as fits beside its texts; without its tools where not even notes about that would fit. */
function shortTurn({ turn, plain, plainBytes }: SizedTurn, roomBytes: number): readonly ModelMessage[] {
  const maxBytes = plainBytes + roomBytes;
  const short = turnMessages(turn, (steps) => withShortResults(steps, maxBytes - bareBytes(turn)) ?? steps);
  return bytesOf(short) <= maxBytes ? short : plain;
}

/** Of the messages without results. */
function bareBytes(turn: EarlierTurn): number {
  return bytesOf(turnMessages(turn, (steps) => steps.map((step) => mapCalls(step, () => ({ result: "" })))));
}

/** Arguments stay: the transcript has no more than their beginnings. */
function withShortResults(steps: readonly FinishedStep[], maxBytes: number): readonly FinishedStep[] | undefined {
  // An empty object of arguments is counted for each call, which stands there anyway.
  const calls = steps.reduce((count, step) => count + step.calls.length, 0);
  const short = shortenSteps(
    steps.map((step) => mapCalls(step, () => ({ arguments: {} }))),
    maxBytes + calls * jsonBytes({}),
  );
  return short?.map((step, index) => mapCalls(step, (at) => ({ arguments: steps[index]?.calls[at]?.arguments ?? {} })));
}

function mapCalls(
  { text, calls }: FinishedStep,
  change: (index: number) => Partial<FinishedStep["calls"][number]>,
): FinishedStep {
  return { text, calls: calls.map((call, index) => ({ ...call, ...change(index) })) };
}
