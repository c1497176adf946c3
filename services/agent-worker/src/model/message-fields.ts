import { limits } from "@parley/protocol";
import { isFields, textOf, type Fields } from "./fields.ts";

/** Reasoning as text. */
const textFields: ReadonlySet<string> = new Set(["reasoning_content", "reasoning", "reasoning_text"]);
/** Reasoning in parts that go back as they came, signatures and encrypted ones among them: OpenRouter, LiteLLM. */
const partFields: ReadonlySet<string> = new Set(["reasoning_details", "thinking_blocks"]);
/** Whole in one delta: Gemini, LiteLLM, Copilot. */
const wholeFields: ReadonlySet<string> = new Set([
  "extra_content",
  "provider_specific_fields",
  "thought_signature",
  "reasoning_signature",
  "reasoning_opaque",
]);

/** Reasoning that stood between tags in the text, with its tags. No provider has a field of this name: it goes back as text. */
export const taggedReasoning = "tagged_reasoning";

/** Fields that go back only to a provider that wants reasoning. */
export const reasoningFields: ReadonlySet<string> = new Set([
  ...textFields,
  ...partFields,
  "reasoning_signature",
  "reasoning_opaque",
  taggedReasoning,
]);

/** Gathers, from the deltas of one answer, what the provider may want to have back with its tool calls. Bounded; what is beyond the bound is dropped. */
export function createMessageFields() {
  const gathered: Record<string, unknown> = {};
  const lists: Record<string, unknown[]> = {};
  let left: number = limits.stepProviderBytes;

  const take = (size: number): boolean => {
    left -= size;
    return left >= 0;
  };
  const addText = (name: string, text: string): void => {
    const room = text.slice(0, Math.max(0, left));
    if (room !== "" && take(room.length)) gathered[name] = textOf(gathered[name]) + room;
  };
  const addParts = (name: string, value: readonly unknown[]): void => {
    const parts = (lists[name] ??= []);
    for (const part of value) {
      if (!isFields(part) || !take(JSON.stringify(part).length)) continue;
      const last = parts.at(-1);
      if (isFields(last) && continues(last, part)) parts[parts.length - 1] = joined(last, part);
      else parts.push(part);
    }
    gathered[name] = parts;
  };

  return {
    add(delta: Fields): void {
      for (const name in delta) {
        const value = delta[name];
        if (value === null || value === undefined || value === "") continue;
        if (textFields.has(name) && typeof value === "string") addText(name, value);
        else if (partFields.has(name) && Array.isArray(value)) addParts(name, value);
        else if (wholeFields.has(name) && take(JSON.stringify(value).length)) gathered[name] = value;
      }
    },
    tagged: (text: string): void => addText(taggedReasoning, text),
    /** Undefined: there are none. */
    all: (): Fields | undefined => (Object.keys(gathered).length === 0 ? undefined : gathered),
  };
}

/** Parts of reasoning come in pieces too, known by type and index. */
function continues(last: Fields, part: Fields): boolean {
  const isText = ["text", "summary", "thinking"].some((name) => typeof part[name] === "string" || part["signature"]);
  return isText && last["type"] === part["type"] && last["index"] === part["index"];
}

function joined(last: Fields, part: Fields): Fields {
  const both: Record<string, unknown> = { ...last };
  for (const name in part) {
    const value = part[name];
    const isPiece = (name === "text" || name === "summary" || name === "thinking") && typeof value === "string";
    if (isPiece) both[name] = textOf(last[name]) + value;
    else if (value !== null) both[name] = value;
  }
  return both;
}
