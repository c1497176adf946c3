import { fieldsOf } from "../sockets/frame-fields.ts";

/** What one viewer has of its conversation's answer. */
export interface Reading {
  /** Its cursor. */
  readonly seq: number;
  readonly text: string;
  readonly hasEnded: boolean;
  /** Frames whose sequence did not rise. */
  readonly repeats: number;
  readonly snapshots: number;
  /** Takes a frame in; returns its type. */
  take(payload: Buffer): string;
}

function snapshotText(payload: Buffer): string {
  const frame: unknown = JSON.parse(payload.toString());
  const text: unknown = typeof frame === "object" && frame !== null ? Reflect.get(frame, "text") : undefined;
  return typeof text === "string" ? text : "";
}

/** Folds frames as every client must: text is added, a snapshot replaces it, and no frame comes twice. */
export function createReading(): Reading {
  const state = { seq: 0, text: "", hasEnded: false, repeats: 0, snapshots: 0 };
  return Object.assign(state, {
    take(payload: Buffer): string {
      const { type, seq, token } = fieldsOf(payload);
      if (type === "subscribed" || seq === 0) return type;
      if (seq <= state.seq) {
        state.repeats++;
        return type;
      }
      state.seq = seq;
      if (type === "token") state.text += token;
      if (type === "complete") state.hasEnded = true;
      if (type === "snapshot") {
        state.snapshots++;
        state.text = snapshotText(payload);
      }
      return type;
    },
  });
}
