import { ChatError } from "@parley/protocol";
import type { Dialect } from "../dialect.ts";
import { jsonOf, legacyBody, legacyFrame, legacyJson, wireSeqOf } from "../frame-bytes.ts";
import type { TerminalEvent, TurnWatch } from "../turn-watch.ts";
import { changedMessage, type VisibleEvent } from "../visible-event.ts";

const eventEnd = Buffer.from("\n\n");

/** The native frames of a conversation as server-sent events; `id` is the cursor, and only what brings something has one. `onEnd` is called before the turn's end is sent. `isKnowing`: the client knows the status `unknown`. */
export function createSseDialect(watch: TurnWatch, onEnd: () => void, isKnowing = false): Dialect {
  const json = isKnowing ? jsonOf : legacyJson;
  /** Of the conversation nothing is told behind the turn's end: it may go on while the last bytes leave. */
  let isOver = false;
  const endOf = (end: TerminalEvent | undefined): TerminalEvent | undefined => {
    if (end !== undefined) {
      isOver = true;
      onEnd();
    }
    return end;
  };
  return {
    name: "sse",
    decode: () => {
      throw new ChatError("UNSUPPORTED");
    },
    encodeEvent(event) {
      if (isOver) return [];
      endOf(watch.endIn(event));
      return isKnowing ? sentOnce(event, event.frame) : sentOnce(event, legacyFrame(event));
    },
    turnsIn: watch.in,
    encodeFrame(frame) {
      if (frame.type === "accepted") watch.begin(frame);
      // The turn was deleted: nothing follows.
      if (frame.type === "error") onEnd();
      if (frame.type !== "snapshot") return sentEvent(undefined, frame.type, json(frame));
      const end = endOf(watch.endInSnapshot(frame));
      if (end === undefined) return sentEvent(frame.seq, frame.type, json(frame));
      // Its event is no longer kept; who reads events must see it all the same, also when it is cut between the two.
      const { type, ...rest } = end;
      const whole = JSON.stringify({ seq: frame.seq, type, ...rest });
      const ended = Buffer.from(isKnowing ? whole : legacyBody(whole));
      return [sentEvent(undefined, frame.type, json(frame)), sentEvent(frame.seq, type, ended)];
    },
  };
}

/** JSON has no line breaks, so a frame is one `data` line. */
function sentEvent(id: number | string | undefined, type: string, frame: Uint8Array): Buffer {
  const head = id === undefined ? "" : `id: ${id}\n`;
  return Buffer.concat([Buffer.from(`${head}event: ${type}\ndata: `), frame, eventEnd]);
}

/** An event goes to all who look at the conversation in turn. */
let newest: { readonly frame: Buffer; readonly bytes: Buffer } | undefined;

function sentOnce({ type }: VisibleEvent, frame: Buffer): Buffer {
  const name = type === changedMessage ? "message" : type;
  if (newest?.frame !== frame) newest = { frame, bytes: sentEvent(wireSeqOf(frame), name, frame) };
  return newest.bytes;
}
