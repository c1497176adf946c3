import { decodeClientFrame, nativeSubprotocol } from "@parley/protocol";
import type { Dialect } from "./dialect.ts";
import { jsonOf } from "./frame-json.ts";

/** `parley.v1`: the stored bytes themselves, with the cursor spliced in. */
export const nativeDialect: Dialect = {
  name: nativeSubprotocol,
  decode: decodeClientFrame,
  encodeEvent: (event) => event.frame,
  encodeFrame: jsonOf,
};
