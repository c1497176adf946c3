import { z } from "zod";
import { CallId, ConversationId, TurnId } from "./ids.ts";

/** WebSocket subprotocol of the native dialect. */
export const nativeSubprotocol = "parley.v1";

/** What a client may send in the native dialect. Unknown fields are ignored: a newer client still works. */

export const OnBusy = z.enum(["enqueue", "reject", "interrupt"]);
export type OnBusy = z.infer<typeof OnBusy>;

export const AuthFrame = z.object({
  type: z.literal("auth"),
  token: z.string().min(1).max(16_384),
});

export const MessageFrame = z.object({
  type: z.literal("message"),
  /** Client message id: the same id is the same turn. */
  id: z.string().min(1).max(128),
  message: z.string(),
  conversation_id: ConversationId.optional(),
  agent: z.string().max(64).optional(),
  model: z.string().max(128).optional(),
  on_busy: OnBusy.default("enqueue"),
  customer_id: z.string().max(128).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
});
export type MessageFrame = z.infer<typeof MessageFrame>;

export const SubscribeFrame = z.object({
  type: z.literal("subscribe"),
  conversation_id: ConversationId,
  /** Cursor: `seq` of the last frame the client has. Absent: a snapshot of what is there. */
  after: z.number().int().nonnegative().optional(),
});
export type SubscribeFrame = z.infer<typeof SubscribeFrame>;

export const UnsubscribeFrame = z.object({
  type: z.literal("unsubscribe"),
  conversation_id: ConversationId,
});
export const CancelFrame = z.object({
  type: z.literal("cancel"),
  conversation_id: ConversationId,
  turn_id: TurnId.optional(),
});
export type CancelFrame = z.infer<typeof CancelFrame>;
export const ApproveFrame = z.object({
  type: z.literal("approve"),
  conversation_id: ConversationId,
  call_id: CallId,
  approved: z.boolean(),
  reason: z.string().max(500).optional(),
});
export const PingFrame = z.object({ type: z.literal("ping") });

export const ClientFrame = z.discriminatedUnion("type", [
  AuthFrame,
  MessageFrame,
  SubscribeFrame,
  UnsubscribeFrame,
  CancelFrame,
  ApproveFrame,
  PingFrame,
]);
export type ClientFrame = z.infer<typeof ClientFrame>;
/** A frame as a client writes it: what has a default may be left out. */
export type ClientFrameInput = z.input<typeof ClientFrame>;
