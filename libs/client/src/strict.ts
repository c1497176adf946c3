import { ServerFrame } from "@parley/protocol";
import { withFrameCheck } from "./frame-check.ts";
import type { ClientOptions } from "./options.ts";

/** For who tests a server (`createClient({ ...strict, … })`): frames are parsed by the schemas, and broken promises are looked for. */
export const strict: Required<Pick<ClientOptions, "decode" | "check">> = {
  decode: (data) => {
    const sent = typeof data === "string" ? parseJson(data) : undefined;
    if (Array.isArray(sent)) return sent.flatMap((frame) => ServerFrame.safeParse(frame).data ?? []);
    return ServerFrame.safeParse(sent).data;
  },
  check: withFrameCheck,
};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: like any other frame that is not known.
    return undefined;
  }
}
