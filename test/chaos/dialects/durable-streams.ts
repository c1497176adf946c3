import { z } from "zod";
import { createNativeFold, nativeWords, type NativeFold } from "./native-fold.ts";
import type { Viewer } from "./viewer.ts";
import { afterEnd, ask, Breach, jsonOf, readAs, Refused, serverEvents, type TurnPlace } from "./visit.ts";

const Control = z.looseObject({ streamNextOffset: z.string(), streamCursor: z.string().optional() });
const gone = 410;

/** Reads the conversation from its beginning; what it has is what stands before the last `control`. */
export const durableStream: Viewer = {
  name: "Durable Streams, live=sse",
  words: nativeWords,
  look(place) {
    let fold = createNativeFold(place);
    let offset = "-1";
    const ended = new AbortController();
    return {
      async visit({ signal, ...visit }) {
        const whole = { ...visit, signal: AbortSignal.any([signal, ended.signal]) };
        try {
          for await (const next of read(whole, place, { offset, fold })) {
            offset = next;
            if (fold.isOver() && !ended.signal.aborted)
              void afterEnd(signal).then(
                () => ended.abort(),
                () => {},
              );
          }
        } catch (error) {
          if (ended.signal.aborted && !(error instanceof Breach)) return "over";
          if (!(error instanceof Refused) || error.status !== gone) throw error;
          fold = createNativeFold(place);
          offset = "-1";
        }
        // It ends after a minute, as the protocol asks.
        return fold.isOver() ? "over" : "again";
      },
      seen: () => fold.seen(),
    };
  },
};

interface Reading {
  readonly offset: string;
  readonly fold: NativeFold;
}

/** Says after each batch where the next one begins. */
async function* read(visit: Parameters<typeof ask>[0], { conversation }: TurnPlace, { offset, fold }: Reading) {
  const path = `/v1/conversations/${conversation}/stream?offset=${offset}&live=sse&knows=unknown`;
  let batch: unknown[] = [];
  let last = offset;
  for await (const { type, data } of serverEvents(await ask(visit, path))) {
    const value = jsonOf(data);
    if (type === "data") batch.push(...readAs(z.array(z.unknown()), value));
    else if (type === "control") {
      const { streamNextOffset } = readAs(Control, value);
      if (last !== "-1" && isBehind(streamNextOffset, last))
        throw new Breach(`offset ${streamNextOffset} behind ${last}`);
      for (const message of batch) fold.take(message);
      batch = [];
      last = streamNextOffset;
      yield last;
    } else throw new Breach(`an event is called ${type}`);
  }
}

/** The mark of a place that was reached live is not looked at: it sorts behind the same place without it. */
function isBehind(one: string, other: string): boolean {
  return one.slice(0, placeChars) < other.slice(0, placeChars);
}

const placeChars = 16;
