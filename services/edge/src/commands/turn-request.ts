import {
  messageIdOf,
  type ConversationId,
  messageEventOf,
  type FactOf,
  type MessageFrame,
  type TurnId,
  type TurnRequest,
  type User,
} from "@parley/protocol";

interface Place {
  readonly user: User;
  readonly conversation: ConversationId;
  readonly turn: TurnId;
  readonly trace: string | undefined;
}

/** What is queued for a message. */
export function turnRequestOf(
  { id, message, agent, model, customer_id, metadata }: MessageFrame,
  { user, conversation: conversation_id, turn: turn_id, trace }: Place,
): TurnRequest {
  return {
    v: 1,
    turn_id,
    conversation_id,
    user,
    id,
    message_id: messageIdOf(turn_id, "user"),
    message,
    ...(agent === undefined ? {} : { agent }),
    ...(model === undefined ? {} : { model }),
    ...(customer_id === undefined ? {} : { customer_id }),
    ...(metadata === undefined ? {} : { metadata }),
    accepted_at: Date.now(),
    ...(trace === undefined ? {} : { trace }),
  };
}

/** The message as it is remembered for as long as it may be sent again. */
export function saidFactOf(request: TurnRequest): FactOf<"said"> {
  const { type: _type, ...message } = messageEventOf(request);
  return { kind: "said", v: 1, ...message };
}
