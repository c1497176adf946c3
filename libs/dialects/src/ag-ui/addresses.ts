import { messageIdOf, TurnId, type CallId } from "@parley/protocol";

/** What the messages of a turn are called in AG-UI. Made of the turn alone, so that every stream of it gives them the same names. */

export function questionId(turn: TurnId): string {
  return messageIdOf(turn, "user");
}

/** `count`: how many answers the turn has before this one. AG-UI wants a message of its own for what stands behind tool calls. */
export function answerId(turn: TurnId, count: number): string {
  return numbered(messageIdOf(turn, "assistant"), count);
}

export function thoughtId(turn: TurnId, count: number): string {
  return numbered(`${turn}-r`, count);
}

export function resultId(call: CallId): string {
  return `${call}-result`;
}

/** Something to be shown for the moment: of a turn, or of a call. */
export function progressId(turnOrCall: string): string {
  return `${turnOrCall}-progress`;
}

export function sourcesId(turn: TurnId): string {
  return `${turn}-sources`;
}

function numbered(id: string, count: number): string {
  return count === 0 ? id : `${id}-${count}`;
}

/** The turn of a question that we have named ourselves, in a thread that was replayed; undefined: the client has named it. */
export function turnOfQuestion(messageId: string): TurnId | undefined {
  const turn = TurnId.safeParse(/^(.+)-u$/.exec(messageId)?.[1]);
  return turn.success ? turn.data : undefined;
}

/** Calls of one step of the model stand in one message. */
export function stepOfCall(call: CallId): string {
  return call.replace(/-\d+$/, "");
}
