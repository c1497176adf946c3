/** What dialect A sends to a page (docs/migration/seed-a-kubernetes-chat.md): `{type, data}`. Its field names are the document's. */

export interface ChatToolCall {
  readonly tool_name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly call_id?: string;
  readonly result?: string;
  /** Of a call that runs there is none on the wire; a store says `running`. */
  readonly status?: "running" | "completed" | "failed";
  readonly conversation_id?: string;
}

export interface CompleteData {
  /** The whole text. */
  readonly message: string;
  readonly tool_calls: readonly ChatToolCall[];
  readonly conversation_id: string;
  /** Somebody stopped the answer. */
  readonly cancelled?: boolean;
  /** Why the answer is not whole: `length`, `content_filter`, … */
  readonly finish?: string;
}

export interface ErrorData {
  /** A sentence for people. */
  readonly error: string;
  /** `CONNECTION_LOST` is the only one that no server sends: the rest of an answer will not be shown. */
  readonly code: string;
  readonly conversation_id?: string;
}

export type ChatEvent =
  | { readonly type: "thinking"; readonly data: { readonly message: string; readonly conversation_id?: string } }
  | { readonly type: "text"; readonly data: { readonly text: string; readonly conversation_id: string } }
  | { readonly type: "tool_call_start" | "tool_call_end"; readonly data: ChatToolCall }
  | { readonly type: "complete"; readonly data: CompleteData }
  | { readonly type: "error"; readonly data: ErrorData };

const types: ReadonlySet<string> = new Set<ChatEvent["type"]>([
  "thinking",
  "text",
  "tool_call_start",
  "tool_call_end",
  "complete",
  "error",
]);

interface GoingAway {
  readonly type: "going_away";
  readonly data: { readonly reconnect_after_ms: number };
}

/** Undefined: not a frame of this dialect, or one that only a newer server knows. A frame of one's own server is taken as what it says it is. */
export function readFrame(text: unknown): ChatEvent | GoingAway | undefined {
  if (typeof text !== "string") return undefined;
  try {
    const frame: unknown = JSON.parse(text);
    return isFrame(frame) ? frame : undefined;
  } catch {
    return undefined;
  }
}

function isFrame(frame: unknown): frame is ChatEvent | GoingAway {
  if (typeof frame !== "object" || frame === null || !("type" in frame && "data" in frame)) return false;
  const isKnown = typeof frame.type === "string" && (types.has(frame.type) || frame.type === "going_away");
  return isKnown && typeof frame.data === "object" && frame.data !== null;
}
