import type { ApprovalRequest, ApprovalState } from "./approval.ts";
import { isTerminal } from "./event-kinds.ts";
import type { Outcome } from "./events.ts";
import { fieldsOf } from "./fields.ts";
import { filesOf, isFile, type Files } from "./file-parts.ts";
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
      return withEnd(parts, { type: "reasoning", text: event.token, ...(event.shown === true ? { shown: true } : {}) });
    case "progress":
      return event.sources === undefined ? parts : withSources(parts, event.sources);
    case "tool_call_start":
      return withCall(parts, event.call_id, (known) => known ?? callPart(event));
    case "tool_call_end":
      return withCallFiles(
        withCall(parts, event.call_id, (known) => endedCall(known, event)),
        event,
      );
    case "approval_required":
      return withApproval(parts, event, fieldsOf(event, ["summary", "preview", "confirm", ...terms, "expires_at"]));
    case "approval_decided":
      return withApproval(parts, event, fieldsOf(event, ["approved", "by", "reason", "like_for_ms"]));
    case "turn_restarted":
      return restartedWith(parts, event.text);
    default:
      return isEnd(event) ? withStored(parts, event.response, event.tool_calls) : parts;
  }
}

function isEnd(event: ReadEvent): event is Extract<ReadEvent, { type: Outcome["type"] }> {
  return isTerminal(event.type);
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

function placeOf({ id, title, file = "" }: Source): string {
  return id ?? `${file}\n${title}`;
}

/** The call as a part, without what an event or frame has beside it. */
export function callPart(call: ToolCallState): ToolCallPart {
  return { type: "tool_call", ...fieldsOf(call, callFields) };
}

const callFields = [
  ...(["call_id", "tool_name", "arguments", "arguments_bytes", "arguments_id", "status", "result"] as const),
  ...(["duration_ms", "truncated", "result_bytes", "result_id", "approval"] as const),
];

/** The same with what becomes of the call: where it stands, or in a new part. */
function withCall(
  parts: Parts,
  callId: string,
  change: (known: ToolCallPart | undefined) => ToolCallPart | undefined,
): Parts {
  const at = parts.findIndex((part) => isToolCall(part) && part.call_id === callId);
  const known = parts[at];
  const call = change(known !== undefined && isToolCall(known) ? known : undefined);
  if (call === undefined || call === known) return parts;
  return known === undefined ? [...parts, call] : parts.with(at, call);
}

/** Files of tools that an answer has at most; what comes later is not shown. Here, because all who fold must come to the same. */
const mostCallFiles = 32;

/** The files that a tool has given back stand behind its call. One that is there already stays where it is: an end may be told again. */
function withCallFiles(
  parts: Parts,
  { call_id, files }: { readonly call_id: string; readonly files?: Files | undefined },
): Parts {
  if (files === undefined) return parts;
  const known = filesOf(parts);
  const added = files.filter((file) => !known.some(({ file_id }) => file_id === file.file_id));
  const call = parts.findIndex((part) => isToolCall(part) && part.call_id === call_id);
  const next = parts.findIndex((part, at) => at > call && !isFile(part));
  const room = Math.max(0, mostCallFiles - known.length);
  return added.length === 0 ? parts : parts.toSpliced(next < 0 ? parts.length : next, 0, ...added.slice(0, room));
}

function endedCall(known: ToolCallPart | undefined, ended: ToolCallState): ToolCallPart {
  const call = callPart(ended);
  return known?.approval === undefined ? call : { ...call, approval: { ...known.approval, ...call.approval } };
}

const terms = ["four_eyes", "like_ms", "form", "policy_reason"] as const;
type ApprovalTerms = Pick<ApprovalRequest, (typeof terms)[number]>;

/** Those of the terms of a question that it has. */
export function approvalTermsOf(request: ApprovalTerms): ApprovalTerms {
  return fieldsOf(request, terms);
}

type AboutCall = Pick<ToolCallPart, "call_id"> & Partial<Pick<ToolCallPart, "tool_name" | "arguments">>;

/** What is asked or decided may come before the call's start, and a decision after its end: it is added to what is known. */
function withApproval(parts: Parts, { call_id, tool_name, arguments: args }: AboutCall, more: ApprovalState): Parts {
  return withCall(parts, call_id, (known) => {
    if (known !== undefined) return { ...known, approval: { ...known.approval, ...more } };
    // Of a decision without its question nothing can be shown.
    if (tool_name === undefined || args === undefined) return undefined;
    return { type: "tool_call", call_id, tool_name, arguments: args, approval: more };
  });
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
  return keptOf(kept, isLeft);
}

/**
 * Calls are told once the text before them was committed. Where that is gone its step is not known any more: a call of it that has no result is told again, in its
 * place, or never.
 */
function withoutLostCalls(parts: Parts, textLength: number): Parts {
  let length = 0;
  return keptOf(parts, (part) => {
    if (isText(part)) length += part.text.length;
    return !isToolCall(part) || part.status !== undefined || length <= textLength;
  });
}

function keptOf(parts: Parts, isKept: (part: Part, at: number) => boolean): Parts {
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
    stored = withCall(stored, call.call_id, (known) =>
      known !== undefined && isSaidAlike(known, call) ? known : endedCall(known, call),
    );
  }
  return stored.some(hasPreview) ? stored.map(withoutPreview) : stored;
}

/** A call ends once, so only its size can differ. */
function isSaidAlike(known: ToolCallPart, stored: ToolCallState): boolean {
  return (["status", "result", "arguments_bytes", "truncated"] as const).every((name) => known[name] === stored[name]);
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
