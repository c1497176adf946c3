import type { ServerFrame } from "@parley/protocol";

/** What one device did and got of one conversation, in order: all that the checks of its side look at. */
export interface Recording {
  readonly device: string;
  readonly conversation: string;
  readonly entries: readonly Entry[];
}

/** `atMs`: since the scenario's start. */
export type Entry = { readonly atMs: number } & (
  | { readonly kind: "connected"; readonly edge: number }
  /** The connection is gone; whoever ended it. */
  | { readonly kind: "lost"; readonly code: number }
  | { readonly kind: "subscribe"; readonly after: number | undefined }
  | { readonly kind: "unsubscribe" }
  | { readonly kind: "ask"; readonly id: string }
  | { readonly kind: "cancel"; readonly turn: string }
  | { readonly kind: "approve"; readonly call: string; readonly approved: boolean }
  | { readonly kind: "frame"; readonly frame: ConversationFrame }
  /** The protocol does not know it. */
  | { readonly kind: "unreadable"; readonly text: string }
  /** The client library's own checks found something. */
  | { readonly kind: "complaint"; readonly text: string }
);

/** A frame that says to which conversation it belongs. What answers a decision tells its sender nothing that viewers do not see. */
export type ConversationFrame = Exclude<
  Extract<ServerFrame, { conversation_id?: unknown }>,
  { type: "decision" | "feedback" | "usage" }
>;

export function isOfConversation(frame: ServerFrame): frame is ConversationFrame {
  return (
    frame.type !== "decision" &&
    frame.type !== "feedback" &&
    frame.type !== "usage" &&
    ("conversation_id" in frame || frame.type === "error")
  );
}

/** Who is there, who writes and who has read: it has no `seq`, and moves no cursor. */
export function isSignal(frame: ConversationFrame): frame is Extract<ConversationFrame, { type: SignalType }> {
  return frame.type === "typing" || frame.type === "presence" || frame.type === "read";
}

type SignalType = "typing" | "presence" | "read";

export interface Recorder {
  readonly recording: Recording;
  add(entry: NewEntry): void;
}

type NewEntry = Entry extends infer E ? (E extends Entry ? Omit<E, "atMs"> : never) : never;

export function createRecorder(device: string, conversation: string, now: () => number): Recorder {
  const entries: Entry[] = [];
  return {
    recording: { device, conversation, entries },
    add: (entry) => void entries.push({ ...entry, atMs: Math.round(now()) }),
  };
}
