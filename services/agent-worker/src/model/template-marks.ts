import { openTail } from "./reasoning-tags.ts";

/** Marks of one chat template, and what each means to us: a beginning or an end of reasoning, or nothing. */
interface Template {
  /** An answer that is written in it begins with one of these. */
  readonly first: readonly string[];
  readonly marks: ReadonlyMap<string, "open" | "close" | "none">;
}

const template = (first: string[], marks: [string, "open" | "close" | "none"][]): Template => ({
  first,
  marks: new Map(marks),
});

/** gpt-oss (Harmony), Cohere's Command A, OpenThinker, Gemma 4. */
const templates: readonly Template[] = [
  template(
    ["<|channel|>analysis<|message|>", "<|channel|>final<|message|>", "<|start|>assistant<|channel|>"],
    [
      ["<|channel|>analysis<|message|>", "open"],
      ["<|end|>", "close"],
      ["<|start|>assistant", "none"],
      ["<|channel|>final<|message|>", "none"],
      ["<|return|>", "none"],
    ],
  ),
  template(
    ["<|START_THINKING|>", "<|START_RESPONSE|>"],
    [
      ["<|START_THINKING|>", "open"],
      ["<|END_THINKING|>", "close"],
      ["<|START_RESPONSE|>", "none"],
      ["<|END_RESPONSE|>", "none"],
    ],
  ),
  template(
    ["<|begin_of_thought|>"],
    [
      ["<|begin_of_thought|>", "open"],
      ["<|end_of_thought|>", "close"],
      ["<|begin_of_solution|>", "none"],
      ["<|end_of_solution|>", "none"],
    ],
  ),
  template(
    ["<|channel>thought"],
    [
      ["<|channel>thought", "open"],
      ["<channel|>", "close"],
    ],
  ),
];
const firstMarks = templates.flatMap(({ first }) => first);

/** What the marks become: tags that are read further on. */
const openTag = "<think>";
const closeTag = "</think>";

/**
 * Marks of chat templates that a server has left in the text, as the tags that are known. Only in an answer that begins with one: further on they are
 * text that somebody asked for.
 */
export function createTemplateMarks() {
  let found: Template | "none" | undefined;
  let held = "";
  let inReasoning = false;

  const tagFor = (meaning: "open" | "close" | "none" | undefined): string => {
    if (meaning === "open" && !inReasoning) {
      inReasoning = true;
      return openTag;
    }
    if (meaning !== "close" || !inReasoning) return "";
    inReasoning = false;
    return closeTag;
  };
  const replaced = ({ marks }: Template, isLast: boolean): string => {
    const names = [...marks.keys()];
    let text = "";
    for (let mark = nextOf(held, names); mark !== undefined; mark = nextOf(held, names)) {
      text += held.slice(0, mark.at) + tagFor(marks.get(mark.name));
      held = held.slice(mark.at + mark.name.length);
    }
    const kept = isLast ? 0 : openTail(held, names);
    text += held.slice(0, held.length - kept);
    held = held.slice(held.length - kept);
    return text;
  };
  const add = (text: string, isLast: boolean): string => {
    if (found === "none") return text;
    held += text;
    found ??= templateOf(held);
    if (found === undefined && !isLast) return "";
    if (typeof found === "object") return replaced(found, isLast);
    const all = held;
    held = "";
    return all;
  };

  return {
    next: (text: string): string => (found === "none" || text === "" ? text : add(text, false)),
    /** No more comes. */
    last: (text: string): string => add(text, true),
  };
}

/** Undefined: what follows will tell. */
function templateOf(text: string): Template | "none" | undefined {
  const lead = text.trimStart();
  if (lead === "" && text.length > 0) return text.length > maxSpace ? "none" : undefined;
  const template = templates.find(({ first }) => first.some((mark) => lead.startsWith(mark)));
  if (template !== undefined) return template;
  return firstMarks.some((mark) => mark.startsWith(lead)) ? undefined : "none";
}

/** White space before a mark. */
const maxSpace = 64;

function nextOf(text: string, names: readonly string[]): { at: number; name: string } | undefined {
  let next: { at: number; name: string } | undefined;
  for (const name of names) {
    const at = text.indexOf(name);
    if (at >= 0 && (next === undefined || at < next.at)) next = { at, name };
  }
  return next;
}
