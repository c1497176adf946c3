import { ChatError, seqHead } from "@parley/protocol";
import type { Dialect } from "../dialect/dialect.ts";
import { jsonOf } from "../dialect/frame-json.ts";
import type { VisibleEvent } from "../hub/visible-event.ts";
import type { TerminalEvent, TurnWatch } from "./turn-watch.ts";

const seqStart = seqHead(0).indexOf("0");
const comma = 0x2c;
const eventEnd = Buffer.from("\n\n");

/** The native frames of a conversation as server-sent events; `id` is the cursor, and only what brings something has one. `onEnd` is called before the turn's end is sent. */
export function createSseDialect(watch: TurnWatch, onEnd: () => void): Dialect {
  const endOf = (end: TerminalEvent | undefined): TerminalEvent | undefined => {
    if (end !== undefined) onEnd();
    return end;
  };
  return {
    name: "sse",
    decode: () => {
      throw new ChatError("UNSUPPORTED");
    },
    encodeEvent(event) {
      endOf(watch.endIn(event));
      return sentOnce(event);
    },
    turnsIn: watch.in,
    encodeFrame(frame) {
      if (frame.type === "accepted") watch.begin(frame);
      // The turn was deleted: nothing follows.
      if (frame.type === "error") onEnd();
      if (frame.type !== "snapshot") return sentEvent(undefined, frame.type, jsonOf(frame));
      const end = endOf(watch.endInSnapshot(frame));
      if (end === undefined) return sentEvent(frame.seq, frame.type, jsonOf(frame));
      // Its event is no longer kept; who reads events must see it all the same, also when it is cut between the two.
      const { type, ...rest } = end;
      const ended = Buffer.from(JSON.stringify({ seq: frame.seq, type, ...rest }));
      return [sentEvent(undefined, frame.type, jsonOf(frame)), sentEvent(frame.seq, type, ended)];
    },
  };
}

/** JSON has no line breaks, so a frame is one `data` line. */
function sentEvent(id: number | string | undefined, type: string, frame: Uint8Array): Buffer {
  const head = id === undefined ? "" : `id: ${id}\n`;
  return Buffer.concat([Buffer.from(`${head}event: ${type}\ndata: `), frame, eventEnd]);
}

/** An event goes to all who look at the conversation in turn. */
let newest: { readonly event: VisibleEvent; readonly bytes: Buffer } | undefined;

function sentOnce(event: VisibleEvent): Buffer {
  if (newest?.event !== event) newest = { event, bytes: sentEvent(wireSeqOf(event), event.type, event.frame) };
  return newest.bytes;
}

/** The cursor stands first in the frame. */
function wireSeqOf({ frame }: VisibleEvent): string {
  return frame.toString("latin1", seqStart, frame.indexOf(comma));
}
