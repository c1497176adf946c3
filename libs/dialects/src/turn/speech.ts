import { ChatError, type FrameError, type ReadEvent, type TurnView } from "@parley/protocol";
import type { Dialect } from "../dialect.ts";
import type { TurnPlace, TurnWatch } from "../turn-watch.ts";
import { createTurnSteps } from "./steps.ts";
import type { TurnStep, TurnStepsOptions } from "./turn-step.ts";

/** How a protocol says one turn to one client: made anew for each stream, since it remembers what it said. Pure: bytes out, nothing else. */
export interface TurnSpeech {
  readonly name: string;
  readonly steps: TurnStepsOptions;
  /** The bytes that say these steps, in their order. `next`: what follows. */
  say(steps: readonly TurnStep[], place: TurnPlace): Said;
  /** What is said when the turn is deleted while it is told; the stream ends with it. */
  refuse(error: FrameError): readonly Uint8Array[];
}

export interface Said {
  readonly bytes: readonly Uint8Array[];
  /** `more`: the stream goes on. `end`: this was all, and it is well. `cut`: the client is to see that its connection broke. */
  readonly next: "more" | "end" | "cut";
}

export interface SpeechEnds {
  /** Called before the last bytes are sent. */
  readonly onEnd: () => void;
  /** Called instead, where the client must not take what it has for a whole answer. */
  readonly onCut: () => void;
}

const nothing: readonly Uint8Array[] = [];

/** A viewer of one turn, as its speech says it. `watch` begins with `accepted`, or was begun by whoever knows the turn. */
export function createSpeechDialect(watch: TurnWatch, speech: TurnSpeech, { onEnd, onCut }: SpeechEnds): Dialect {
  const steps = createTurnSteps(speech.steps);
  let isOver = false;
  const say = (event?: ReadEvent): readonly Uint8Array[] => {
    const { turn, place } = watch;
    if (isOver || turn === undefined || place === undefined) return nothing;
    const { bytes, next } = speech.say(steps.advance(turn, event), place);
    if (next === "more") return bytes;
    isOver = true;
    if (next === "end") onEnd();
    else onCut();
    return bytes;
  };
  return {
    name: speech.name,
    decode: () => {
      throw new ChatError("UNSUPPORTED");
    },
    encodeEvent(event) {
      if (event.turn !== watch.place?.turn_id) return nothing;
      const seen = watch.see(event);
      if (watch.endIn(event) !== undefined) return say();
      return say(seen);
    },
    turnsIn: watch.in,
    encodeFrame(frame) {
      if (frame.type === "accepted") {
        watch.begin(frame);
        return say();
      }
      if (frame.type === "snapshot") {
        watch.endInSnapshot(frame);
        return say();
      }
      // The turn was deleted: nothing follows.
      if (frame.type !== "error" || isOver) return nothing;
      isOver = true;
      // First: for who waits for the end alone, this is one, and no good one.
      const bytes = speech.refuse(frame);
      onEnd();
      return bytes;
    },
  };
}

/** All that is to be said of a turn that has ended. */
export function sayWhole(turn: TurnView, place: TurnPlace, speech: TurnSpeech): Said {
  return speech.say(createTurnSteps(speech.steps).advance(turn), place);
}
