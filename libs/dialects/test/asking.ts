import { decodeJson, type StoredEvent, type TurnView } from "@parley/protocol";
import { z } from "zod";
import type { Dialect, Encoded } from "../src/dialect.ts";
import { snapshotOf, visible } from "./turn-events.ts";

/** Any frame of a dialect other than ours. */
export const Frame = z.looseObject({ type: z.string() });
export type Frame = z.infer<typeof Frame>;

export const ann = { id: "ann" };

/** Frames as their client reads them. */
export function framesOf(encoded: Encoded): Frame[] {
  const list = encoded instanceof Uint8Array ? [encoded] : encoded;
  return list.map((bytes) => decodeJson(Frame, bytes));
}

/** What a client of a dialect is shown of one turn that it asked for. */
export interface Asking {
  readonly turn: string;
  readonly conversation: string;
  show(event: StoredEvent): Frame[];
  showSnapshot(view: TurnView): Frame[];
}

let asked = 0;

/** Sends a chat frame through the dialect, and has it accepted as a turn. */
export async function ask(dialect: Dialect, frame: object, user = ann): Promise<Asking> {
  const [message] = [await dialect.decode(JSON.stringify(frame), { user, roles: [] })].flat();
  if (message?.type !== "message") throw new Error(`a frame ${message?.type}`);
  const turn = `turn${++asked}`;
  const conversation = message.conversation_id ?? "";
  let seq = 0;
  const place = { conversation_id: conversation, turn_id: turn };
  dialect.encodeFrame({ type: "accepted", id: message.id, ...place, message_id: `${turn}-u`, position: 0 });
  return {
    turn,
    conversation,
    show: (event) => framesOf(dialect.encodeEvent(visible(++seq, { ...event, ...place }))),
    showSnapshot: (view) =>
      framesOf(dialect.encodeFrame(snapshotOf(view, { conversation_id: conversation, seq: ++seq }))),
  };
}
