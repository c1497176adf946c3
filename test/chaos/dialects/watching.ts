import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { a2a } from "./a2a.ts";
import { agUi059, agUi1 } from "./ag-ui.ts";
import { aiSdk6, aiSdk7 } from "./ai-sdk.ts";
import { chatEvents } from "./chat-events.ts";
import { durableStream } from "./durable-streams.ts";
import { native } from "./native.ts";
import { responses } from "./responses.ts";
import { differences, storedIn, type Seen } from "./seen.ts";
import type { Viewer } from "./viewer.ts";
import { Breach, type TurnPlace } from "./visit.ts";
import { seedAOverHttp, seedCOverHttp } from "./whole-answers.ts";
import type { TranscriptMessage } from "@parley/protocol";

/** Those that find a turn which somebody else has asked for by where it is. */
export const placeViewers: readonly Viewer[] = [native, durableStream, aiSdk6, aiSdk7, responses, agUi1, agUi059, a2a];

/** And those that find it by the id of its message. */
export const allViewers: readonly Viewer[] = [...placeViewers, chatEvents, seedAOverHttp, seedCOverHttp];

export interface WatchDeps {
  /** Of the edges, as they are now. Each connection goes to the next one. */
  readonly origins: () => readonly string[];
  readonly token: string;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** To look no longer. */
  readonly signal: AbortSignal;
  /** How many of its connections are cut, at most. */
  readonly cuts: number;
  /** How long one of these stays, ms. */
  readonly cutAfterMs: readonly [number, number];
}

/** What came of looking at one turn in one dialect. */
export interface Watched {
  readonly viewer: Viewer;
  readonly turn: string;
  /** Undefined: it has not seen the end. */
  readonly seen: Seen | undefined;
  /** What was broken, or how the last connection ended. */
  readonly trouble: string | undefined;
  readonly isBreach: boolean;
  readonly visits: number;
}

const backMs = [30, 300] as const;

function within(random: () => number, [from, to]: readonly [number, number]): number {
  return from + random() * (to - from);
}

/** Looks at a turn until its end, over as many connections as it takes. */
export async function watch(viewer: Viewer, place: TurnPlace, deps: WatchDeps): Promise<Watched> {
  const { origins, token, random, signal, cuts, cutAfterMs } = deps;
  // Each wait and each connection listens to it.
  setMaxListeners(0, signal);
  const look = viewer.look(place);
  let next = Math.floor(random() * 2);
  let [visits, trouble] = [0, "it never came as far as a connection"];
  const result = { viewer, turn: place.turn, seen: undefined, isBreach: false };
  while (!signal.aborted) {
    const all = origins();
    const origin = all[next++ % all.length] ?? "";
    const cutting = new AbortController();
    const timer = visits < cuts ? setTimeout(() => cutting.abort(), within(random, cutAfterMs)) : undefined;
    visits++;
    try {
      const visiting = AbortSignal.any([signal, cutting.signal]);
      setMaxListeners(0, visiting);
      const how = await look.visit({ origin, token, signal: visiting });
      if (how === "over") return { ...result, seen: look.seen(), trouble: undefined, visits };
      trouble = "the stream ended, and the turn did not";
    } catch (error) {
      trouble = error instanceof Error ? error.message : String(error);
      if (error instanceof Breach) return { ...result, trouble, isBreach: true, visits };
    } finally {
      clearTimeout(timer);
    }
    await delay(within(random, backMs), undefined, { signal }).catch(() => undefined);
  }
  return { ...result, trouble, visits };
}

/** What is wrong with it, each a sentence without its viewer. `record`: the stored answer. */
export function faultsOf(
  { seen, trouble, isBreach, viewer }: Watched,
  record: TranscriptMessage | undefined,
): string[] {
  if (isBreach) return [trouble ?? ""];
  if (seen === undefined) return [`it never saw the end: ${trouble}`];
  if (record === undefined) return ["it saw an end, and no answer is stored"];
  return differences(seen, storedIn(record, viewer.words));
}
