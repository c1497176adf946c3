import { parseEventSubject, subjects, typeOfStored, type EventAddress } from "@parley/protocol";
import type { NatsMessage, Treat, Treatment } from "@parley/testkit";
import type { Random } from "../plan/random.ts";

/** The live copy of a stored event, on its way from the broker to one process. */
export interface LiveCopy extends EventAddress {
  readonly type: string;
}

/** How live copies reach a process. All else that the broker says, acks and look-ups above all, passes at once. */
export interface LateCopies {
  /** Milliseconds; 0: at once. */
  readonly delayOf: (copy: LiveCopy, random: Random) => number;
  /** `all`: copies keep their order; `subject`: only those of one subject do, as behind a broker; `none`: not even these. */
  readonly order: "all" | "subject" | "none";
  /** They are written in pieces of so many bytes. */
  readonly pieceBytes?: number;
  /** How many ends wait until a request to cancel their turn, stored behind them, has come through. */
  readonly cancelledBehind?: number;
}

export interface LateCopiesDeps {
  readonly random: Random;
  /** Stores a request to cancel this turn, as an edge does that had looked a moment before the end. */
  readonly cancel: (turn: EventAddress) => void;
}

/** Undefined: it is none. What a consumer reads comes under its stored subject: that is an answer of the broker. */
export function liveCopyOf({ subject, payload }: NatsMessage): LiveCopy | undefined {
  const address = parseEventSubject(subject);
  if (address === undefined || !subject.startsWith(livePrefix(address.shard))) return undefined;
  return { ...address, type: typeOfStored(payload) };
}

const livePrefix = (shard: number): string => subjects.allLive(shard).slice(0, -">".length);

const ends: ReadonlySet<string> = new Set(["complete", "error"]);
/** An end whose request to cancel does not come is not held for longer. */
const heldMs = 3_000;

export function createLateCopies(spec: LateCopies, { random, cancel }: LateCopiesDeps): Treat {
  const waiting = new Map<string, () => void>();
  const laneOf = ({ subject }: NatsMessage): Pick<Treatment, "lane"> => {
    if (spec.order === "none") return {};
    return { lane: spec.order === "all" ? "all" : subject };
  };
  const cancelBehind = (copy: LiveCopy, key: string): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, heldMs);
      waiting.set(key, () => {
        waiting.delete(key);
        clearTimeout(timer);
        resolve();
      });
      cancel(copy);
    });

  return (message, connection) => {
    const copy = liveCopyOf(message);
    if (copy === undefined) return undefined;
    const key = `${connection} ${copy.turn}`;
    // Through at once, with the end that waits for it right behind it.
    if (copy.type === "cancel_requested") {
      const release = waiting.get(key);
      if (release !== undefined) queueMicrotask(release);
      if (release !== undefined) return undefined;
    }
    const common = { ...laneOf(message), ...(spec.pieceBytes === undefined ? {} : { pieceBytes: spec.pieceBytes }) };
    if (ends.has(copy.type) && random.chance(spec.cancelledBehind ?? 0))
      return { ...common, hold: cancelBehind(copy, key) };
    return { ...common, hold: spec.delayOf(copy, random) };
  };
}
