import { isReasoning, outcomeOf, storedParts, textOf, type Parts, type TranscriptMessage } from "@parley/protocol";

/** One turn as somebody has seen it, in words that all dialects share. What a dialect has no word for is undefined. */
export interface Seen {
  readonly text: string;
  readonly reasoning: string | undefined;
  /** In their order. */
  readonly calls: readonly SeenCall[];
  readonly end: SeenEnd | undefined;
}

export interface SeenCall {
  readonly name: string;
  /** As the dialect says it. */
  readonly status: string;
}

/** `complete`, `cancelled` or `error:<CODE>`. */
export type SeenEnd = string;

/** How a dialect says what is stored, where it has fewer words. */
export interface Words {
  readonly statusOf: (status: string, isAsked: boolean) => string;
  readonly endOf: (end: SeenEnd) => SeenEnd;
}

export const allWords: Words = { statusOf: (status) => status, endOf: (end) => end };

/** A call that did not complete has failed. */
export const twoStatuses: Words = {
  statusOf: (status) => (status === "completed" ? status : "failed"),
  endOf: (end) => end,
};

/** The stored answer, in a dialect's words. */
export function storedIn(record: TranscriptMessage, { statusOf, endOf }: Words): Seen {
  const parts = storedParts(record);
  const outcome = outcomeOf(record);
  const asked = new Set(parts.flatMap((part) => (part.type === "tool_call" && part.approval ? [part.call_id] : [])));
  return {
    text: textOf(parts),
    reasoning: reasoningOf(parts),
    calls: (record.tool_calls ?? []).map(({ call_id, tool_name: name, status }) => ({
      name,
      status: statusOf(status, asked.has(call_id)),
    })),
    end: endOf(outcome.type === "error" ? `error:${outcome.code}` : outcome.type),
  };
}

export function reasoningOf(parts: Parts): string {
  return parts
    .filter(isReasoning)
    .map(({ text }) => text)
    .join("");
}

/** What was seen is not what is stored; each a clause. */
export function differences(seen: Seen, stored: Seen): string[] {
  const found: string[] = [];
  if (seen.text !== stored.text) found.push(`its text is ${around(seen.text, stored.text)}`);
  if (seen.reasoning !== undefined && seen.reasoning !== stored.reasoning)
    found.push(`its reasoning is ${around(seen.reasoning, stored.reasoning ?? "")}`);
  const [calls, kept] = [namesOf(seen.calls), namesOf(stored.calls)];
  if (calls !== kept) found.push(`its calls are ${calls}, stored are ${kept}`);
  if (seen.end !== undefined && seen.end !== stored.end) found.push(`it ended as ${seen.end}, stored is ${stored.end}`);
  return found;
}

function namesOf(calls: readonly SeenCall[]): string {
  return `[${calls.map(({ name, status }) => `${name} ${status}`).join(", ")}]`;
}

const shownChars = 30;

/** Where the two part. */
function around(seen: string, stored: string): string {
  let at = 0;
  while (at < seen.length && seen[at] === stored[at]) at++;
  const cut = (text: string): string => JSON.stringify(text.slice(Math.max(0, at - shownChars), at + shownChars));
  return `of ${seen.length} characters, stored are ${stored.length}; at ${at} ${cut(seen)} stands for ${cut(stored)}`;
}
