import type { GivenFile } from "@parley/dialects";
import {
  jsonBytes,
  limits,
  messageEventOf,
  messageIdOf,
  rightsOf,
  withFiles,
  type Caller,
  type ConversationId,
  type FactOf,
  type Files,
  type GivenContext,
  type MessageFrame,
  type TurnId,
  type TurnRequest,
} from "@parley/protocol";

/** Where it stands in the tree of turns, if not behind the newest. */
export interface Placed {
  readonly parent?: TurnId | null;
  readonly supersedes?: TurnId;
}

interface Place {
  readonly caller: Caller;
  readonly conversation: ConversationId;
  readonly turn: TurnId;
  readonly trace: string | undefined;
  /** No limit applies to the sender, so the turn is not counted. */
  readonly isExempt: boolean;
  /** The conversation was handed over to the sender, who answers in place of the agent. */
  readonly isOperator?: boolean;
  /** Whoever answers reads who said what. */
  readonly isRoom?: boolean;
}

/** A message, with what protocols bring that are not ours. No frame of a socket has that. */
export type GivenMessageFrame = MessageFrame & {
  readonly given?: GivenContext | undefined;
  /** It asks for a person. */
  readonly handover?: "ask";
  /** Where it goes, where somebody has looked already. */
  readonly placed?: Placed | undefined;
  /** Its files, where they are known: those that its `parts` name, or those of the message that is asked again. */
  readonly files?: Files | undefined;
  /** Files that it brings with all of their data, as clients of other protocols do. */
  readonly brought?: readonly GivenFile[] | undefined;
};

/** What is queued for a message. */
export function turnRequestOf(
  frame: GivenMessageFrame,
  { caller, conversation: conversation_id, turn: turn_id, trace, isExempt, isOperator, isRoom }: Place,
): TurnRequest {
  const { id, message, files, agent, model, placed } = frame;
  const handover = isOperator === true ? "answer" : frame.handover;
  return {
    v: 1,
    turn_id,
    conversation_id,
    user: caller.user,
    caller: rightsOf(caller),
    id,
    message_id: messageIdOf(turn_id, "user"),
    message,
    ...withFiles(files),
    ...(agent === undefined ? {} : { agent }),
    ...(model === undefined ? {} : { model }),
    ...besideText(frame),
    ...placed,
    ...(handover === undefined ? {} : { handover }),
    ...(isRoom === true ? { room: true } : {}),
    ...(isExempt ? { uncounted: true } : {}),
    accepted_at: Date.now(),
    ...(trace === undefined ? {} : { trace }),
  };
}

/** What a message brings with it, as it is. */
function besideText({ customer_id, metadata, given, reply_to, mentions }: GivenMessageFrame) {
  return {
    ...(customer_id === undefined ? {} : { customer_id }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(given === undefined ? {} : { given }),
    ...(reply_to === undefined ? {} : { reply_to }),
    ...(mentions === undefined ? {} : { mentions }),
  };
}

/** The message as it is remembered for as long as it may be sent again. */
export function saidFactOf(request: TurnRequest): FactOf<"said"> {
  const { type: _type, ...message } = messageEventOf(request);
  return { kind: "said", v: 1, ...message, ...keptOf(request) };
}

function keptOf({ given }: TurnRequest): Pick<FactOf<"said">, "given" | "given_left_out"> {
  if (given === undefined) return {};
  return jsonBytes(given) <= limits.givenKeptBytes ? { given } : { given_left_out: true };
}
