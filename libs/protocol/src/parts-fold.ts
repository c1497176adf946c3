import type { ApprovalRequest, ApprovalState } from "./approval.ts";
import { isTerminal } from "./event-kinds.ts";
import type { Outcome } from "./events.ts";
import { appended } from "./growing-text.ts";
import type { Part, ReasoningPart, SourcePart, TextPart, ToolCallPart } from "./parts.ts";
import type { ReadEvent } from "./read-event.ts";
import type { ToolCallState } from "./server-frames.ts";
import type { Source } from "./source.ts";

/**
 * How events make the parts of an answer (docs/adr/0016). Nothing here changes what it is given: a token makes one new part and one new list, and
 * all other parts stay the objects they were.
 */

export type Parts = readonly Part[];

export const noParts: Parts = [];

export const isText = (part: Part): part is TextPart => part.type === "text";
export const isReasoning = (part: Part): part is ReasoningPart => part.type === "reasoning";
export const isToolCall = (part: Part): part is ToolCallPart => part.type === "tool_call";
export const isSource = (part: Part): part is SourcePart => part.type === "source";

function partsIn(of: Parts | { readonly parts: Parts }): Parts {
  return "parts" in of ? of.parts : of;
}

/** The plain text: what fields that are older than parts call `text`, `message` or `response`. */
export function textOf(of: Parts | { readonly parts: Parts }): string {
  const texts = partsIn(of).filter(isText);
  return texts.length === 1 ? (texts[0]?.text ?? "") : texts.map(({ text }) => text).join("");
}

export function toolCallsOf(of: Parts | { readonly parts: Parts }): ToolCallPart[] {
  return partsIn(of).filter(isToolCall);
}

/** Those that wait for a person. */
export function pendingCallsOf(of: Parts | { readonly parts: Parts }): ToolCallPart[] {
  return toolCallsOf(of).filter(
    ({ status, approval }) => status === undefined && approval !== undefined && approval.approved === undefined,
  );
}

/** The parts after one event of their turn; the same list if it changes nothing. */
export function foldParts(parts: Parts, event: ReadEvent): Parts {
  switch (event.type) {
    case "token":
      return withEnd(parts, { type: "text", text: event.token });
    case "reasoning":
      return withEnd(parts, reasoningPart(event));
    case "progress":
      return event.sources === undefined ? parts : withSources(parts, event.sources);
    case "tool_call_start":
      return parts.some((part) => isCall(part, event.call_id)) ? parts : [...parts, callPart(event)];
    case "tool_call_end":
      return withCall(parts, callPart(event));
    case "approval_required":
      return withApproval(parts, event, approvalRequestOf(event));
    case "approval_decided":
      return withApproval(parts, event, approvalDecisionOf(event));
    case "turn_restarted":
      return restartedWith(parts, event.text);
    default:
      return isEnd(event) ? withStored(parts, event.response, event.tool_calls) : parts;
  }
}

function isEnd(event: ReadEvent): event is Extract<ReadEvent, { type: Outcome["type"] }> {
  return isTerminal(event.type);
}

function reasoningPart({ token, shown }: Extract<ReadEvent, { type: "reasoning" }>): ReasoningPart {
  return { type: "reasoning", text: token, ...(shown === true ? { shown } : {}) };
}

/** Appends to the last part if it is of this type, else opens one. */
function withEnd(parts: Parts, more: TextPart | ReasoningPart): Parts {
  if (more.text === "") return parts;
  const last = parts.at(-1);
  if (last === undefined || last.type !== more.type || !(isText(last) || isReasoning(last))) return [...parts, more];
  return parts.with(parts.length - 1, { ...last, text: appended(last.text, more.text) });
}

/** The passages that are not there yet. The same one may have another score when it is found again: the first one stays. */
function withSources(parts: Parts, sources: readonly Source[]): Parts {
  const known = new Set(parts.filter(isSource).map(placeOf));
  const found: SourcePart[] = [];
  for (const source of sources) {
    const place = placeOf(source);
    if (known.has(place)) continue;
    known.add(place);
    found.push({ type: "source", ...source });
  }
  return found.length === 0 ? parts : [...parts, ...found];
}

function placeOf({ title, file = "" }: Source): string {
  return `${file}\n${title}`;
}

function isCall(part: Part, callId: string): boolean {
  return isToolCall(part) && part.call_id === callId;
}

/** The call as a part, without what an event or frame has beside it. */
export function callPart(call: ToolCallState): ToolCallPart {
  const { status, result, duration_ms, truncated, result_bytes, result_id, approval } = call;
  const { arguments_bytes, arguments_id } = call;
  return {
    type: "tool_call",
    call_id: call.call_id,
    tool_name: call.tool_name,
    arguments: call.arguments,
    ...(arguments_bytes === undefined ? {} : { arguments_bytes }),
    ...(arguments_id === undefined ? {} : { arguments_id }),
    ...(status === undefined ? {} : { status }),
    ...(result === undefined ? {} : { result }),
    ...(duration_ms === undefined ? {} : { duration_ms }),
    ...(truncated === undefined ? {} : { truncated }),
    ...(result_bytes === undefined ? {} : { result_bytes }),
    ...(result_id === undefined ? {} : { result_id }),
    ...(approval === undefined ? {} : { approval }),
  };
}

/** Completes the call where it stands; opens a part for one whose start was never seen. */
function withCall(parts: Parts, call: ToolCallPart): Parts {
  const at = parts.findIndex((part) => isCall(part, call.call_id));
  const known = parts[at];
  if (known === undefined) return [...parts, call];
  const { approval } = isToolCall(known) ? known : {};
  return parts.with(at, approval === undefined ? call : { ...call, approval: { ...approval, ...call.approval } });
}

type ApprovalTerms = Pick<ApprovalRequest, "four_eyes" | "like_ms" | "form" | "policy_reason">;

/** Those of the terms of a question that it has. */
export function approvalTermsOf({ four_eyes, like_ms, form, policy_reason }: ApprovalTerms): ApprovalTerms {
  return {
    ...(four_eyes === undefined ? {} : { four_eyes }),
    ...(like_ms === undefined ? {} : { like_ms }),
    ...(form === undefined ? {} : { form }),
    ...(policy_reason === undefined ? {} : { policy_reason }),
  };
}

function approvalRequestOf(event: Extract<ReadEvent, { type: "approval_required" }>): ApprovalState {
  const { summary, preview, confirm, expires_at } = event;
  return {
    summary,
    ...(preview === undefined ? {} : { preview }),
    ...(confirm === undefined ? {} : { confirm }),
    ...approvalTermsOf(event),
    expires_at,
  };
}

function approvalDecisionOf(event: Extract<ReadEvent, { type: "approval_decided" }>): ApprovalState {
  const { approved, by, reason, like_for_ms } = event;
  return {
    approved,
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
    ...(like_for_ms === undefined ? {} : { like_for_ms }),
  };
}

type AboutCall = Pick<ToolCallPart, "call_id"> & Partial<Pick<ToolCallPart, "tool_name" | "arguments">>;

/** What is asked or decided may come before the call's start, and a decision after its end: it is added to what is known. */
function withApproval(parts: Parts, { call_id, tool_name, arguments: args }: AboutCall, more: ApprovalState): Parts {
  const at = parts.findIndex((part) => isCall(part, call_id));
  const known = parts[at];
  if (known !== undefined && isToolCall(known)) {
    return parts.with(at, { ...known, approval: { ...known.approval, ...more } });
  }
  // Of a decision without its question nothing can be shown.
  if (tool_name === undefined || args === undefined) return parts;
  return [...parts, { type: "tool_call", call_id, tool_name, arguments: args, approval: more }];
}

/**
 * The same with the text that stays: what an unfinished step thought and said after it is gone. Sources stay, and calls, but for those without a result behind
 * text that is gone.
 */
function restartedWith(all: Parts, text: string): Parts {
  const before = textOf(all);
  const parts = before.startsWith(text) ? withoutLostCalls(all, text.length) : all;
  const kept = withText(parts, text);
  // Calls are told only after their step was committed, and what came before them with it.
  const committed = kept.findLastIndex(isToolCall);
  const goesOn = before.startsWith(text) || text.startsWith(before);
  const end = goesOn ? Math.max(committed, kept.findLastIndex(isText)) : committed;
  const isLeft = (part: Part, at: number): boolean => at <= end || !isReasoning(part);
  return kept.every(isLeft) ? kept : kept.filter(isLeft);
}

/**
 * Calls are told once the text before them was committed. Where that is gone its step is not known any more: a call of it that has no result is told again, in its
 * place, or never.
 */
function withoutLostCalls(parts: Parts, textLength: number): Parts {
  let length = 0;
  const isKept = (part: Part): boolean => {
    if (isText(part)) length += part.text.length;
    return !isToolCall(part) || part.status !== undefined || length <= textLength;
  };
  const kept = parts.filter(isKept);
  return kept.length === parts.length ? parts : kept;
}

/** The same with another text: cut where that ends, or going on with what is new; one part before the calls if it is another text altogether. */
function withText(parts: Parts, text: string): Parts {
  const before = textOf(parts);
  if (before === text) return parts;
  if (text.startsWith(before)) return withEnd(parts, { type: "text", text: text.slice(before.length) });
  if (before.startsWith(text)) return cutText(parts, text.length);
  const others = parts.filter((part) => !isText(part));
  const call = others.findIndex(isToolCall);
  return others.toSpliced(call < 0 ? others.length : call, 0, { type: "text", text });
}

function cutText(parts: Parts, length: number): Parts {
  let room = length;
  return parts.flatMap((part) => {
    if (!isText(part)) return [part];
    const text = part.text.slice(0, room);
    room -= text.length;
    if (text === "") return [];
    return text.length === part.text.length ? [part] : [{ ...part, text }];
  });
}

/**
 * What is stored of an answer without its order, put on the parts that a viewer has of it. Who missed nothing has them all, and loses what is not
 * kept: what the end of the turn has no room for of a long result, and what people were shown before they agreed to a call.
 */
export function withStored(parts: Parts, text: string, calls: readonly ToolCallState[] = []): Parts {
  let stored = withText(parts, text);
  for (const call of calls) {
    const known = stored.filter(isToolCall).find(({ call_id }) => call_id === call.call_id);
    if (known === undefined || !isSaidAlike(known, call)) stored = withCall(stored, callPart(call));
  }
  return stored.some(hasPreview) ? stored.map(withoutPreview) : stored;
}

/** A call ends once, so only its size can differ. */
function isSaidAlike(known: ToolCallPart, stored: ToolCallState): boolean {
  return (
    known.status === stored.status &&
    known.result === stored.result &&
    known.arguments_bytes === stored.arguments_bytes &&
    known.truncated === stored.truncated
  );
}

function hasPreview(part: Part): boolean {
  return isToolCall(part) && part.approval?.preview !== undefined;
}

function withoutPreview(part: Part): Part {
  return isToolCall(part) && part.approval !== undefined ? { ...part, approval: storedApproval(part.approval) } : part;
}

/** What is kept of it: who agreed to what. The preview was for that moment. */
export function storedApproval({ preview: _preview, ...approval }: ApprovalState): ApprovalState {
  return approval;
}
