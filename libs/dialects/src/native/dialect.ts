import { decodeClientFrame, nativeSubprotocol, type ConnectionFrame } from "@parley/protocol";
import type { Dialect } from "../dialect.ts";
import { jsonOf, legacyFrame, legacyJson } from "../frame-bytes.ts";

/** `parley.v1`: the stored bytes themselves, with the cursor spliced in. */
export const nativeDialect: Dialect = {
  name: nativeSubprotocol,
  decode: decodeClientFrame,
  encodeEvent: legacyFrame,
  encodeFrame: legacyJson,
};

/** The same for clients that have said that they know the status `unknown`. */
const knowingDialect: Dialect = {
  ...nativeDialect,
  encodeEvent: (event) => event.frame,
  encodeFrame: jsonOf,
};

export function nativeDialectOf({ knowsUnknown }: { readonly knowsUnknown: boolean }): Dialect {
  return knowsUnknown ? knowingDialect : nativeDialect;
}

/** Whether a client knows messages between people, and what else is told of rooms alone. */
export function knowsPosts(knows: readonly string[]): boolean {
  return knows.includes("posts");
}

/** Whether it knows the status `unknown` of a tool call. */
export function knowsUnknown(knows: readonly string[]): boolean {
  return knows.includes("unknown");
}

/** Whether it takes several frames in one message. */
export function knowsBatches(knows: readonly string[]): boolean {
  return knows.includes("batches");
}

/** The same for a user of a gateway, which is told whom an answer is for. */
export function actingDialect({ encodeFrame, ...dialect }: Dialect, userId: string): Dialect {
  return { ...dialect, encodeFrame: (frame) => encodeFrame(answerTo(frame, userId)) };
}

function answerTo(frame: ConnectionFrame, on_behalf_of: string): ConnectionFrame {
  switch (frame.type) {
    case "accepted":
    case "subscribed":
    case "decision":
    case "feedback":
    case "error":
      return { ...frame, on_behalf_of };
    default:
      return frame;
  }
}
