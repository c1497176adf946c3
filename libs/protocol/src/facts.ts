import { z } from "zod";
import { addressFields } from "./address-fields.ts";
import { branchFields } from "./branch-fields.ts";
import { Author } from "./author.ts";
import { GivenContext } from "./given-context.ts";
import { Usage } from "./usage.ts";
import { CallId, ConversationId, TurnId } from "./ids.ts";
import { callFiles, messageFiles } from "./message-files.ts";
import { PartPlace } from "./part-order.ts";
import { FinishedToolCall, StepCall, ToolArguments } from "./tool-calls.ts";
import { FormContent } from "./approval-form.ts";
import { ApprovalRequest } from "./approval.ts";

/**
 * What decides, longer than events are kept (docs/adr/0016). Each stands on a subject of its own and is written once: the first one counts,
 * everybody else reads it. Of `wait` and `ack` the last one counts (docs/adr/0017). None is shown to viewers.
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
  ...messageFiles,
  ...branchFields,
  /** It is a message between people, whatever the rule of the room says by now. Absent: it is a turn. */
  post: z.literal(true).optional(),
  /** Of such a one: as in its event. */
  after: TurnId.nullable().optional(),
  ...addressFields,
  /** What its client brought with it, so that the answer can be given once more: of no more than `givenKeptBytes`. */
  given: GivenContext.optional(),
  /** It brought more than is kept. */
  given_left_out: z.literal(true).optional(),
});
/** The licence to run a call that changes something. Names and shortened arguments are for whoever has nothing else of the turn any more. */
const BegunFact = z.object({
  kind: z.literal("begun"),
  ...ofCall,
  worker: z.string(),
  tool_name: z.string().optional(),
  arguments: ToolArguments.optional(),
  /** As that of a question, so that whoever gets the job of a lost worker knows the call when its step is forgotten. */
  call_hash: z.string().optional(),
  /** Taken by an agent worker so that the call is never run: it was cancelled, or took too long to begin. */
  barred: z.literal(true).optional(),
});
/** The result that counts, whole. */
const ResultFact = z.object({
  kind: z.literal("result"),
  ...ofCall,
  ...FinishedToolCall.shape,
  ...callFiles,
  /** What the model reads in place of `result`, which is then for people: shorter, and with foreign text marked as such. */
  brief: z.string().optional(),
});
const CancelFact = z.object({ kind: z.literal("cancel"), ...common, by: z.string(), reason: z.string() });

/** A person must agree to a call (docs/adr/0017). Written by the tool worker in place of running it. */
const AskedFact = z.object({
  kind: z.literal("asked"),
  ...ofCall,
  tool_name: z.string(),
  ...ApprovalRequest.shape,
  /** Of all that was asked for and shown: see `approvalHash`. */
  hash: z.string(),
  /** Of the call as its step committed it, and whose it is: see `callHash`. Absent: an older version asked. */
  call_hash: z.string().optional(),
  /** What counts as like it: see `LikeFact`. */
  like_scope: z.string().optional(),
  /** With `form`: what the tool needs to go on when it is filled in. Nobody else is shown it. */
  form_state: z.string().optional(),
});
/** What a person, or the end of the time, said to that. */
const DecidedFact = z.object({
  kind: z.literal("decided"),
  ...ofCall,
  approved: z.boolean(),
  /** Absent: nobody, the time is over. */
  by: z.object({ id: z.string(), name: z.string().optional() }).optional(),
  reason: z.string().optional(),
  expired: z.literal(true).optional(),
  /** That of the `asked` which was decided on. */
  hash: z.string(),
  /** Calls like it run without a question for so long from then on, by the broker's clock. */
  like_ms: z.number().int().positive().optional(),
  /** What was filled in of the `form`. For the tool alone: no event has it. */
  content: FormContent.optional(),
});
/** The turn of the facts of a conversation that are of no turn. No turn's id is as short. */
export const likeTurn = "like";
/** Where it was agreed to calls like one another: `scope` of the `asked`. It decides nothing itself; the last one counts. Of no turn: `likeTurn`. */
const LikeFact = z.object({
  kind: z.literal("like"),
  ...common,
  scope: z.string(),
  /** The call that was decided on, and its turn. */
  decided: z.object({ turn_id: TurnId, call_id: CallId }),
});
/** The turn waits: all that is needed to go on, except the results of its calls, which are facts of their own. Each names the one before it; the last one counts. */
const WaitFact = z.object({
  kind: z.literal("wait"),
  ...common,
  attempt: z.number().int().positive(),
  /** Attempts that count for no limit. */
  released: z.number().int().nonnegative(),
  /** When the first of what it waits for expires, ms since 1970. */
  until: z.number(),
  /** Calls that it waits for. */
  calls: z.array(CallId),
  steps: z.array(z.object({ step: z.number().int().nonnegative(), text: z.string(), calls: z.array(StepCall) })),
  /** Of the parts of its answer so far: their text is that of its steps together. */
  parts: z.array(PartPlace),
  usage: Usage,
  worked_ms: z.number(),
  /** Nothing was left out for want of room: while the chain ends with this wait, the fact says all that the chain does. */
  whole: z.literal(true).optional(),
  /** Which agent answers. Absent: an older version wrote it. */
  routed: z
    .object({ agent: z.string(), confidence: z.number(), method: z.string(), name: z.string().optional() })
    .optional(),
  /** Documents were searched: the sources among the parts are what was found. */
  found: z.literal(true).optional(),
  /** Where the attempt that waited is in its trace. */
  trace: z.string().optional(),
  /** The model that was chosen in place of the one that was asked first. */
  model: z.string().optional(),
});
/** Where the delivery of a turn that was put back is answered. The last one counts. */
const AckFact = z.object({ kind: z.literal("ack"), ...common, reply: z.string(), seq: z.number().int().positive() });

export const Fact = z.discriminatedUnion("kind", [
  SaidFact,
  BegunFact,
  ResultFact,
  CancelFact,
  AskedFact,
  DecidedFact,
  LikeFact,
  WaitFact,
  AckFact,
]);
export type Fact = z.infer<typeof Fact>;
export type FactKind = Fact["kind"];
export type FactOf<Kind extends FactKind> = Extract<Fact, { kind: Kind }>;
