import { z } from "zod";

/**
 * A conversation id becomes one token of a NATS subject, so it is checked at the border: no dot, wildcard or white space can reach a
 * subject. 1 to 128 characters.
 */
export const ConversationId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,128}$/, "must be 1 to 128 letters, digits, '_' or '-'")
  .describe("The conversation.");
export type ConversationId = z.infer<typeof ConversationId>;

/** Derived by the edge from (user, conversation, client message id), so that a repeated message is the same turn. A subject token. */
export const TurnId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, '_' or '-'")
  .describe("The turn: a message with its answer.");
export type TurnId = z.infer<typeof TurnId>;

/** `<turn>-<step>-<index>`: a subject token and a BullMQ job id (those refuse ':' and all-digit ids). */
export const CallId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,128}$/, "must be 1 to 128 letters, digits, '_' or '-'")
  .describe("The tool call.");
export type CallId = z.infer<typeof CallId>;

/** The id of the call number `index` that model step number `step` of a turn asked for. Deterministic: a takeover finds the same job. */
export function callIdOf(turnId: TurnId, step: number, index: number): CallId {
  return `${turnId}-${step}-${index}`;
}

/** The turn of a call, by its id; undefined: it is none of ours. */
export function turnOfCall(call: CallId): TurnId | undefined {
  return /^(.+)-\d+-\d+$/.exec(call)?.[1];
}

/** Of a frame that is answered by what the conversation then shows. */
export const wishId = z
  .string()
  .min(1)
  .max(128)
  .optional()
  .describe("The client's own id of this frame: an error names it.");
