import { z } from "zod";
import { Author } from "./events.ts";
import { CallId, ConversationId, TurnId } from "./ids.ts";
import { FinishedToolCall, ToolArguments } from "./tool-calls.ts";

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
/** The licence to run a call that changes something. Names and shortened arguments are for whoever has nothing else of the turn any more. */
const BegunFact = z.object({
  kind: z.literal("begun"),
  ...ofCall,
  worker: z.string(),
  tool_name: z.string().optional(),
  arguments: ToolArguments.optional(),
  /** Taken by an agent worker so that the call is never run: it was cancelled, or took too long to begin. */
  barred: z.literal(true).optional(),
});
/** The result that counts, whole. */
const ResultFact = z.object({ kind: z.literal("result"), ...ofCall, ...FinishedToolCall.shape });
const CancelFact = z.object({ kind: z.literal("cancel"), ...common, by: z.string(), reason: z.string() });

export const Fact = z.discriminatedUnion("kind", [SaidFact, BegunFact, ResultFact, CancelFact]);
export type Fact = z.infer<typeof Fact>;
export type FactKind = Fact["kind"];
export type FactOf<Kind extends FactKind> = Extract<Fact, { kind: Kind }>;
