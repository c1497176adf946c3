import {
  approvalTermsOf,
  toolCallsOf,
  type ApprovalDecision,
  type ApprovalRequest,
  type ApprovalState,
  type CallId,
  type FinishedToolCall,
  type StoredEvent,
  type ToolCall,
  type ToolCallPart,
  type TurnView,
} from "@parley/protocol";
import { legacyStatus } from "../frame-bytes.ts";

const stages = ["started", "asked", "decided", "ended"] as const;
type Stage = (typeof stages)[number];

/** How far a client has been told of the tool calls of a turn. */
export type ShownTools = Map<CallId, Stage>;

type Required = { type: "approval_required" } & ToolCall & ApprovalRequest;
type Decided = { type: "approval_decided"; call_id: CallId } & ApprovalDecision;
export type ToolFrame =
  | ({ type: "tool_call_start" } & ToolCall)
  | ({ type: "tool_call_end" } & FinishedToolCall)
  | Required
  | Decided;

const stageOf = {
  tool_call_start: "started",
  approval_required: "asked",
  approval_decided: "decided",
  tool_call_end: "ended",
} as const satisfies Record<ToolFrame["type"], Stage>;

function isBeyond(stage: Stage, before: Stage | undefined): boolean {
  return before === undefined || stages.indexOf(stage) > stages.indexOf(before);
}

/** The client is told of this event now. */
export function noteToolEvent(
  shown: ShownTools,
  { type, call_id }: Extract<StoredEvent, { type: ToolFrame["type"] }>,
): void {
  if (isBeyond(stageOf[type], shown.get(call_id))) shown.set(call_id, stageOf[type]);
}

/** What the client has not been told of the turn's calls, which counts as told now. */
export function missingToolFrames(shown: ShownTools, turn: TurnView): ToolFrame[] {
  return toolCallsOf(turn).flatMap((call) => {
    const { call_id, tool_name, arguments: args } = call;
    const before = shown.get(call_id);
    const common = { call_id, tool_name, arguments: args };
    const frames: ToolFrame[] = [
      ...(before === undefined ? [{ type: "tool_call_start" as const, ...common }] : []),
      ...(call.status === undefined ? approvalFrames(call, before) : []),
      ...(call.status !== undefined && before !== "ended" ? [endFrame(call, call.status)] : []),
    ];
    const last = frames.at(-1);
    if (last !== undefined) shown.set(call_id, stageOf[last.type]);
    return frames;
  });
}

function endFrame({ call_id, tool_name, arguments: args, ...call }: ToolCallPart, status: string): ToolFrame {
  const { result = "", duration_ms = 0, arguments_bytes } = call;
  const cut = arguments_bytes === undefined ? {} : { arguments_bytes };
  const common = { call_id, tool_name, arguments: args, ...cut };
  return { type: "tool_call_end", ...common, status: legacyStatus(status), result, duration_ms };
}

/** What is asked of people, and what they said, as long as the call has not ended. */
function approvalFrames(call: ToolCallPart, before: Stage | undefined): ToolFrame[] {
  const { approval } = call;
  if (approval === undefined) return [];
  if (approval.approved === undefined) return isBeyond("asked", before) ? requiredFrame(call, approval) : [];
  const { approved, by, reason, like_for_ms } = approval;
  const said = {
    approved,
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
    ...(like_for_ms === undefined ? {} : { like_for_ms }),
  };
  return isBeyond("decided", before) ? [{ type: "approval_decided", call_id: call.call_id, ...said }] : [];
}

function requiredFrame({ call_id, tool_name, arguments: args }: ToolCallPart, approval: ApprovalState): Required[] {
  const { summary, expires_at, preview, confirm } = approval;
  if (summary === undefined || expires_at === undefined) return [];
  const shown = { ...(preview === undefined ? {} : { preview }), ...(confirm === undefined ? {} : { confirm }) };
  const terms = approvalTermsOf(approval);
  return [{ type: "approval_required", call_id, tool_name, arguments: args, summary, ...shown, ...terms, expires_at }];
}
