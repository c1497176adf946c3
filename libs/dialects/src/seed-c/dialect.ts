import type { FrameError } from "@parley/protocol";
import { newConversationId } from "@parley/protocol/turn-id";
import type { Dialect } from "../dialect.ts";
import { conversationOfSession, type IsOwn } from "../seed/addresses.ts";
import { decodeSeedFrame, type SeedMessageRules } from "../seed/decode.ts";
import { createSeedDialect } from "../seed/dialect.ts";
import { createAskedTurns } from "../seed/state.ts";
import { catchUp, connectionFrame, event } from "./encode.ts";
import { createShown, type Shown } from "./state.ts";

export interface DialectCOptions {
  readonly isOwn: IsOwn;
  /** A chat frame needs no `type`: the endpoint of seed B documents no frames. */
  readonly isUntyped?: boolean;
}

/**
 * Dialect C, of one connection. `partial_response` repeats the answer so far with every token: bytes grow with the square of the answer's
 * length, which only clients of this dialect pay for.
 */
export function createDialectC({ isOwn, isUntyped = false }: DialectCOptions): Dialect {
  const asked = createAskedTurns(createShown);
  /** Messages without a session belong together, as one person's words in one window do. */
  const own = newConversationId();
  const rules: SeedMessageRules = {
    name: isUntyped ? "the dialect of the chatbot endpoint" : "dialect C",
    takes: isUntyped ? ["A", "C"] : ["C"],
    async submit(caller, { session_id: session }) {
      const conversation = session === undefined ? own : await conversationOfSession(isOwn, caller, session);
      return { conversation, id: asked.ask(session) };
    },
  };
  return createSeedDialect<Shown>({
    name: isUntyped ? "B" : "C",
    asked,
    decode: (text, caller) => decodeSeedFrame(rules, text, caller),
    event,
    catchUp,
    refusal: ({ error, code, retry_after_ms }: FrameError) => ({
      type: "error",
      error,
      code,
      ...(retry_after_ms === undefined ? {} : { retry_after_ms }),
    }),
    frame: (frame) => [connectionFrame(frame)],
  });
}
