/**
 * The part of the Agent Streaming Protocol that the adapter speaks, in types of our own: the package that declares it (`@langchain/protocol` 0.0.21) is one of
 * the SDK, which this library does not need to run. A test holds them against the real ones.
 */

export type Channel =
  | "values"
  | "updates"
  | "messages"
  | "tools"
  | "lifecycle"
  | "input"
  | "checkpoints"
  | "tasks"
  | "custom"
  | `custom:${string}`;

/** What of the thread somebody wants to hear. */
export interface StreamFilter {
  readonly channels: readonly Channel[];
  /** Only what lies below one of these; Parley has the root alone. */
  readonly namespaces?: readonly (readonly string[])[] | undefined;
  /** What came after this cursor, which is Parley's `seq`. */
  readonly since?: number | undefined;
}

export interface Command {
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
}

export type ErrorCode =
  | "invalid_argument"
  | "unknown_command"
  | "unknown_error"
  | "no_such_run"
  | "no_such_interrupt"
  | "permission_denied"
  | "not_supported";

export type CommandResponse = { type: "success"; id: number; result: Record<string, unknown> };
export type ErrorResponse = { type: "error"; id: number; error: ErrorCode; message: string };

export type ToolCallBlock = { type: "tool_call"; id: string; name: string; args: Record<string, unknown> };
export type Block = { type: "text"; text: string } | { type: "reasoning"; reasoning: string } | ToolCallBlock;

type Usage = { input_tokens: number; output_tokens: number; total_tokens: number };

export type MessagesData =
  | { event: "message-start"; role: "ai"; id: string; metadata: { run_id: string; thread_id: string } }
  | { event: "content-block-start"; index: number; content: Block }
  | {
      event: "content-block-delta";
      index: number;
      delta: { type: "text-delta"; text: string } | { type: "reasoning-delta"; reasoning: string };
    }
  | { event: "content-block-finish"; index: number; content: Block }
  | { event: "message-finish"; usage?: Usage }
  | { event: "error"; message: string; code: string };

export type ToolsData =
  | { event: "tool-started"; tool_call_id: string; tool_name: string; input: Record<string, unknown> }
  | { event: "tool-finished"; tool_call_id: string; output: string }
  | { event: "tool-error"; tool_call_id: string; message: string; code: string };

export type LifecycleData = {
  event: "started" | "running" | "completed" | "failed" | "interrupted";
  graph_name?: string;
  error?: string;
};

export type Params<Data> = { namespace: string[]; timestamp: number; data: Data };

export type EventData =
  | { method: "lifecycle"; params: Params<LifecycleData> }
  | { method: "messages"; params: Params<MessagesData> }
  | { method: "tools"; params: Params<ToolsData> }
  | { method: "input.requested"; params: Params<{ interrupt_id: string; payload: Record<string, unknown> }> }
  | { method: "input.answered"; params: Params<{ interrupt_ids: string[] }> }
  | { method: "values"; params: Params<State> }
  | { method: "custom"; params: Params<{ name: string; payload: Record<string, unknown> }> };

export type ThreadEvent = EventData & { type: "event"; event_id: string; seq: number };

/** Messages as LangChain writes them down. */
export type StateMessage =
  | { type: "human"; id: string; content: string; name?: string }
  | {
      type: "ai";
      id: string;
      content: string | Block[];
      tool_calls: ToolCallBlock[];
      name?: string;
      usage_metadata?: Usage;
      additional_kwargs?: { sources: unknown[] };
    }
  | { type: "tool"; id: string; tool_call_id: string; name: string; content: string; status: "success" | "error" };

export type State = { messages: StateMessage[] };
