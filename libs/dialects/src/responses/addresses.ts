import { CallId, ConversationId, TurnId, turnOfCall } from "@parley/protocol";
import type { TurnPlace } from "../turn-watch.ts";

/**
 * How clients of the Responses API name things. A response is a turn, or one of the pieces into which people's words cut it: where a turn waits for them its
 * response has ended, and the next one begins with what became of the calls. All names are made of the turn's own, so nothing of them is stored.
 */

/** Which piece of which turn. `segment`: 0, and one more for each time that the turn has asked people. */
export interface ResponsePlace extends TurnPlace {
  readonly segment: number;
}

const responsePrefix = "resp_";
const requestPrefix = "mcpr_";
const callPrefix = "mcp_";
const questionPrefix = "msg_";
const questionSuffix = "_q";

/** Of the longest conversation, turn and number, encoded. */
const mostIdChars = 300;
const inside = /^(0|[1-9]\d{0,2})\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,128})$/;

export function responseIdOf({ conversation_id, turn_id, segment }: ResponsePlace): string {
  return responsePrefix + Buffer.from(`${segment}.${turn_id}.${conversation_id}`).toString("base64url");
}

/** Undefined: it is none of ours. Whose it is, or whether there is such a turn, it does not say. */
export function placeOfResponse(id: string): ResponsePlace | undefined {
  if (!id.startsWith(responsePrefix) || id.length > mostIdChars) return undefined;
  const [, segment, turn, conversation] =
    inside.exec(Buffer.from(id.slice(responsePrefix.length), "base64url").toString("latin1")) ?? [];
  const { data: turn_id } = TurnId.safeParse(turn);
  const { data: conversation_id } = ConversationId.safeParse(conversation);
  if (turn_id === undefined || conversation_id === undefined) return undefined;
  const place = { conversation_id, turn_id, segment: Number(segment) };
  // Base64 has several spellings of the same bytes: one of them is the name.
  return responseIdOf(place) === id ? place : undefined;
}

/** Which item of its response. `again`: how often the answer has begun anew in a way that took items back, whose names are not given again. */
export interface ItemPlace {
  readonly index: number;
  readonly again: number;
}

/** Of a message or a reasoning item. */
export function itemIdOf(kind: "msg" | "rs", { turn_id, segment }: ResponsePlace, { index, again }: ItemPlace): string {
  return `${kind}_${turn_id}_${segment}_${index}${suffixOf(again)}`;
}

function suffixOf(again: number): string {
  return again === 0 ? "" : `r${again}`;
}

/** The user's message as an item of a conversation. */
export function questionIdOf(turn: TurnId): string {
  return `${questionPrefix}${turn}${questionSuffix}`;
}

/** `isDecided`: the call after people had their say, which is an item of the next response. */
export function callItemIdOf(call: CallId, isDecided: boolean, { again }: Pick<ItemPlace, "again">): string {
  return `${callPrefix}${call}${isDecided ? "-go" : ""}${suffixOf(again)}`;
}

export function requestIdOf(call: CallId): string {
  return requestPrefix + call;
}

/** The call that an approval request is about, and its turn; undefined: it is none of ours. */
export function callOfRequest(id: string): { readonly call: CallId; readonly turn: TurnId } | undefined {
  if (!id.startsWith(requestPrefix)) return undefined;
  const { data: call } = CallId.safeParse(id.slice(requestPrefix.length));
  const turn = call === undefined ? undefined : turnOfCall(call);
  return call === undefined || turn === undefined ? undefined : { call, turn };
}
