import { z } from "zod";
import { Author } from "./events.ts";
import { CallId, ConversationId, TurnId } from "./ids.ts";
import { FinishedToolCall } from "./tool-calls.ts";

/**
 * What decides, longer than events are kept (docs/adr/0016). Each stands on a subject of its own and is written once: the first one counts,
 * everybody else reads it. None is shown to viewers.
 */

const common = { v: z.number().int(), conversation_id: ConversationId, turn_id: TurnId, ts: z.number() };
const ofCall = { ...common, call_id: CallId };

/** The accepted message. */
const SaidFact = z.object({
  kind: z.literal("said"),
  ...common,
  id: z.string(),
  message_id: z.string(),
  author: Author,
  message: z.string(),
});
/** The licence to run a call that changes something. */
const BegunFact = z.object({ kind: z.literal("begun"), ...ofCall, worker: z.string() });
/** The result that counts, whole. */
const ResultFact = z.object({ kind: z.literal("result"), ...ofCall, ...FinishedToolCall.shape });
const CancelFact = z.object({ kind: z.literal("cancel"), ...common, by: z.string(), reason: z.string() });

export const Fact = z.discriminatedUnion("kind", [SaidFact, BegunFact, ResultFact, CancelFact]);
export type Fact = z.infer<typeof Fact>;
export type FactKind = Fact["kind"];
