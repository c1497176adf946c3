import { CallId, ConversationId, TurnId, type Caller } from "@parley/protocol";
import { conversationOfRequest } from "../chat-completions/addresses.ts";
import type { TurnPlace } from "../turn-watch.ts";

/**
 * How clients of the Responses API name things. A response is a turn, or one of the pieces into which people's words cut it: where a turn waits for them its
 * response has ended, and the next one begins with what became of the calls. All names, also those of items, say which piece of which turn they are of, so
 * nothing of them is stored, and a client that only sends back the names of items is understood as one that names the response.
 */

/** Which piece of which turn. `segment`: 0, and one more for each time that the turn has asked people. */
export interface ResponsePlace extends TurnPlace {
  readonly segment: number;
}

/** Of the longest conversation, turn and number, encoded, with what stands around it. */
const mostIdChars = 320;
const inside = /^(0|[1-9]\d{0,2})\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,128})$/;

function tokenOf({ conversation_id, turn_id, segment }: ResponsePlace): string {
  return Buffer.from(`${segment}.${turn_id}.${conversation_id}`).toString("base64url");
}

function placeOfToken(token: string): ResponsePlace | undefined {
  const [, segment, turn, conversation] = inside.exec(Buffer.from(token, "base64url").toString("latin1")) ?? [];
  const { data: turn_id } = TurnId.safeParse(turn);
  const { data: conversation_id } = ConversationId.safeParse(conversation);
  if (turn_id === undefined || conversation_id === undefined) return undefined;
  const place = { conversation_id, turn_id, segment: Number(segment) };
  // Base64 has several spellings of the same bytes: one of them is the name.
  return tokenOf(place) === token ? place : undefined;
}

const unkeptPrefix = "once_";

/** A conversation that lives as long as the socket on which it was begun (`store: false`). */
export function unkeptConversation(caller: Caller, id: string): ConversationId {
  return conversationOfRequest(caller, id).replace(/^[^_]*_/, unkeptPrefix);
}

/** By its name alone: whoever comes just when it is deleted is to find it gone, on whichever edge. */
export function isUnkept(conversation: ConversationId): boolean {
  return conversation.startsWith(unkeptPrefix);
}

const responsePrefix = "resp_";

export function responseIdOf(place: ResponsePlace): string {
  return responsePrefix + tokenOf(place);
}

/** Undefined: it is none of ours. Whose it is, or whether there is such a turn, it does not say. */
export function placeOfResponse(id: string): ResponsePlace | undefined {
  if (!id.startsWith(responsePrefix) || id.length > mostIdChars) return undefined;
  return placeOfToken(id.slice(responsePrefix.length));
}

/** Which item of its response. `again`: how often the answer has begun anew in a way that took items back, whose names are not given again. */
export interface ItemPlace {
  readonly index: number;
  readonly again: number;
}

const suffixOf = (again: number): string => (again === 0 ? "" : `r${again}`);

/** Of a message, a reasoning item, or a call of the client's own tool. */
export function itemIdOf(kind: "msg" | "rs" | "fc", place: ResponsePlace, { index, again }: ItemPlace): string {
  return `${kind}_${tokenOf(place)}_${index}${suffixOf(again)}`;
}

/** The user's message. */
export function questionIdOf(place: TurnPlace): string {
  return `msg_${tokenOf({ ...place, segment: 0 })}_q`;
}

/** Of a call of the agent's; the same one after people had their say is an item of another response. */
export function callItemIdOf(call: CallId, place: ResponsePlace, { again }: Pick<ItemPlace, "again">): string {
  return `mcp_${tokenOf(place)}_${numbersOf(call, place)}${suffixOf(again)}`;
}

/** Of the request for people's agreement to a call. */
export function requestIdOf(call: CallId, place: ResponsePlace): string {
  return `mcpr_${tokenOf(place)}_${numbersOf(call, place)}`;
}

/** What a call's id has beside its turn's. */
function numbersOf(call: CallId, { turn_id }: TurnPlace): string {
  return call.startsWith(`${turn_id}-`) ? call.slice(turn_id.length + 1) : call;
}

const itemId = /^(?:msg|rs|fc|mcp|mcpr)_(.+)_(?:q|[\d-]+(?:r\d+)?)$/;

/** The response of an item; undefined: it is no item of ours. */
export function placeOfItem(id: string): ResponsePlace | undefined {
  const token = id.length > mostIdChars ? undefined : itemId.exec(id)?.[1];
  return token === undefined ? undefined : placeOfToken(token);
}

const requestId = /^mcpr_(.+)_(\d+-\d+)$/;

/** The call that a request is about; undefined: it is none of ours. */
export function callOfRequest(id: string): { readonly call: CallId; readonly place: ResponsePlace } | undefined {
  const [, token, numbers] = id.length > mostIdChars ? [] : (requestId.exec(id) ?? []);
  const place = token === undefined ? undefined : placeOfToken(token);
  const { data: call } = CallId.safeParse(`${place?.turn_id}-${numbers}`);
  return place === undefined || call === undefined ? undefined : { call, place };
}
