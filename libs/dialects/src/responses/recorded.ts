import {
  createTurnView,
  createView,
  foldFrame,
  messagesOf,
  turn as turnIn,
  type CallId,
  type ClientCall,
  type ConversationId,
  type StoredTurn,
  type TurnView,
} from "@parley/protocol";
import type { TurnPlace } from "../turn-watch.ts";
import type { ResponsePlace } from "./addresses.ts";
import { toldOf, type TurnHistory } from "./dialect.ts";
import { operatorItem, questionItem } from "./objects.ts";

/** What is looked up of turns: by their events, or as they are recorded. */

const nobodys = { createdMs: 0, model: "", previous: null, background: false, metadata: {} };

/** All items of a turn that has ended, the user's message first. */
export function itemsOfTurn(stored: StoredTurn, conversation_id: ConversationId): object[] {
  const place = { conversation_id, turn_id: stored.turn_id };
  const { question } = stored;
  if (question?.author.role === "operator") return [operatorItem(place, question.message)];
  const asked = question === undefined ? [] : [questionItem(place, question.message)];
  return [...asked, ...outputOf(stored, place)];
}

function outputOf(stored: StoredTurn, place: TurnPlace): object[] {
  const turn = viewOf(stored, place);
  const items: object[] = [];
  for (let segment = 0; turn !== undefined; segment++) {
    const telling = toldOf(turn, { ...nobodys, segment }, place);
    if (segment >= telling.segments()) break;
    items.push(...telling.output.items(telling.plan()));
  }
  return items;
}

/** Undefined: it has not ended. */
function viewOf(stored: StoredTurn, { conversation_id, turn_id }: TurnPlace): TurnView | undefined {
  if (stored.answer === undefined) return undefined;
  const view = { ...createView(conversation_id), turns: [createTurnView(turn_id)] };
  const messages = messagesOf([stored]);
  const frame = { type: "snapshot" as const, conversation_id, seq: 1, ts: 0, status: "idle", messages };
  return turnIn(foldFrame(view, frame), turn_id);
}

/** What people are asked at the end of a response. */
export interface AskedPeople {
  readonly calls: readonly CallId[];
  /** The response has ended, and what they say is told in the next one. */
  readonly isWhole: boolean;
}

/** Of a turn that goes on or has just ended, by its events. */
export function askedPeople({ telling }: TurnHistory): AskedPeople {
  return { calls: telling.asked(), isWhole: telling.about.place.segment + 1 < telling.segments() };
}

/** The calls of the client's own tools in which an answer ended. */
export function clientCallsIn(history: TurnHistory | undefined): readonly ClientCall[] {
  return callsOf(history?.turn);
}

/** Of one that is recorded. Undefined: it has not ended. */
export function clientCallsBefore(stored: StoredTurn, place: TurnPlace): readonly ClientCall[] | undefined {
  const turn = viewOf(stored, place);
  return turn && callsOf(turn);
}

function callsOf(turn: TurnView | undefined): readonly ClientCall[] {
  const { outcome } = turn ?? {};
  return outcome?.type === "complete" ? (outcome.metadata.client_calls ?? []) : [];
}

/** Of one that is recorded. Undefined: it has not ended. */
export function askedPeopleBefore(stored: StoredTurn, place: ResponsePlace): AskedPeople | undefined {
  const turn = viewOf(stored, place);
  if (turn === undefined) return undefined;
  const telling = toldOf(turn, { ...nobodys, segment: place.segment }, place);
  return { calls: telling.asked(), isWhole: place.segment + 1 < telling.segments() };
}
