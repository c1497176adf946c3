import { ConversationId } from "@parley/protocol";
import { newConversationId } from "@parley/protocol/turn-id";
import type { Dialect } from "../dialect.ts";
import { sessionConversation } from "../seed/addresses.ts";
import { decodeSeedFrame, type SeedMessageRules } from "../seed/decode.ts";
import { createSeedDialect, type ToldFrame } from "../seed/dialect.ts";
import { createAskedTurns } from "../seed/state.ts";
import { catchUp, event, refusal } from "./encode.ts";
import { createShown, type Shown } from "./state.ts";

export interface DialectAOptions {
  /** The user exists for this connection only, so conversation ids must not outlive it: the next visitor is somebody else. */
  readonly isAnonymous: boolean;
}

/**
 * Dialect A, of one connection: `{type, data}`. Its clients can only add text, so after a restart nothing is sent until the new text has
 * repeated what they have (see `SentText`). When it says something else the turn has ended for them, with WORKER_LOST: one end, and
 * never a wrong answer.
 */
export function createDialectA({ isAnonymous }: DialectAOptions): Dialect {
  const asked = createAskedTurns<Shown>(createShown);
  const rules: SeedMessageRules = {
    name: "dialect A",
    takes: ["A"],
    async submit(caller, { conversation_id }) {
      const made = newConversationId();
      const id = asked.ask(conversation_id, made);
      const name = conversation_id ?? made;
      const own = ConversationId.safeParse(name);
      // Of an anonymous user every id is a name only, the one that is made here too: the page goes on with it.
      if (own.success && !isAnonymous) return { id, conversation: own.data };
      return { id, conversation: sessionConversation(caller.user.id, name, caller.tenant) };
    },
  };
  return createSeedDialect<Shown>({
    name: "A",
    asked,
    decode: (text, caller) => decodeSeedFrame(rules, text, caller),
    event,
    catchUp,
    refusal,
    frame: ({ type, ...data }: ToldFrame) => [{ type, data }],
    hasGivenUp: ({ state }) => state.text.state === "diverged",
  });
}
