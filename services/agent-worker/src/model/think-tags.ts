/**
 * Reasoning that a server leaves in the text between tags. It counts as reasoning at the beginning of an answer only: further on a tag is text that
 * somebody asked for, such as code. Some chat templates open the reasoning themselves, so that only its end is in the answer: that end makes all text
 * before it reasoning. Not where it is quoted, in code, or a word of a sentence.
 */

export type ThinkEvent = { type: "text" | "reasoning"; text: string } | { type: "retract" };

/** Qwen, DeepSeek and most others; some prompts; Gemini and Gemma; Seed; Magistral; Kimi. */
const pairs = [
  ["<think>", "</think>"],
  ["<thinking>", "</thinking>"],
  ["<reasoning>", "</reasoning>"],
  ["<thought>", "</thought>"],
  ["<seed:think>", "</seed:think>"],
  ["[THINK]", "[/THINK]"],
  ["◁think▷", "◁/think▷"],
] as const;
const opens: readonly string[] = pairs.map(([open]) => open);
const closes: readonly string[] = pairs.map(([, close]) => close);
const tags: readonly string[] = [...opens, ...closes];

/** What a tag begins with, and what tells code. */
const special = /[<[◁`]/;
/** An end without a beginning is looked for in this much text: more was never reasoning. */
const maxRetractChars = 256 * 1024;
/** White space before a tag; a model that writes more of it is not about to think. */
const maxHeldSpace = 1_024;

export interface ThinkTagsOptions {
  /** The template has opened the reasoning, as earlier answers of the model showed. If no end comes, all of it was the answer. */
  readonly startsInside?: boolean;
  /** An end came without a beginning. */
  readonly onBareEnd?: () => void;
}

type State =
  | { readonly in: "start"; readonly afterTag: boolean }
  | { readonly in: "reasoning"; readonly close: string }
  /** Perhaps reasoning: its end will tell. */
  | { readonly in: "assumed" }
  | { readonly in: "answer"; readonly mayRetract: boolean };

interface Splitter {
  state: State;
  /** What may be the beginning of a tag, or waits for the character after one. */
  held: string;
  /** Text whose place is not known yet. */
  assumed: string;
  saidText: boolean;
  chars: number;
  readonly code: ReturnType<typeof createCodeMark>;
  readonly onBareEnd: () => void;
}

/** Splits one answer. However its text is cut into pieces, text and reasoning come out the same. */
export function createThinkTags({ startsInside = false, onBareEnd = () => {} }: ThinkTagsOptions = {}) {
  const splitter: Splitter = {
    state: startsInside ? { in: "assumed" } : { in: "start", afterTag: false },
    ...{ held: "", assumed: "", saidText: false, chars: 0 },
    ...{ code: createCodeMark(), onBareEnd },
  };
  return {
    add(text: string): ThinkEvent[] {
      const events: ThinkEvent[] = [];
      if (text === "") return events;
      if (splitter.state.in === "answer" && splitter.held === "" && !special.test(text)) {
        say(splitter, events, text);
        return events;
      }
      splitter.held += text;
      while (splitter.held !== "" && steps[splitter.state.in](splitter, events));
      return events;
    },
    /** The server tells reasoning apart itself: what is in its text is text. */
    reasoningCameApart: (): ThinkEvent[] => settleApart(splitter),
    end(): ThinkEvent[] {
      const events: ThinkEvent[] = [];
      const { state, held } = splitter;
      if (state.in === "assumed") settleAsText(splitter, events);
      else if (state.in === "reasoning") push(events, "reasoning", held);
      else say(splitter, events, state.in === "start" && state.afterTag ? held.trimStart() : held);
      splitter.held = "";
      return events;
    },
  };
}

/** Takes what it can off `held`; true: the state has changed, and there may be more to do. */
type Step = (splitter: Splitter, events: ThinkEvent[]) => boolean;

const steps: { readonly [S in State["in"]]: Step } = {
  start: readStart,
  reasoning: readReasoning,
  assumed: readAssumed,
  answer: readAnswer,
};

function readStart(splitter: Splitter): boolean {
  const { state, held } = splitter;
  const lead = held.trimStart();
  const tag = tags.find((one) => lead.startsWith(one));
  const afterTag = state.in === "start" && state.afterTag;
  if (tag !== undefined) {
    splitter.held = lead.slice(tag.length);
    splitter.state = opens.includes(tag) ? { in: "reasoning", close: closeOf(tag) } : { in: "start", afterTag: true };
    return true;
  }
  if (held.length < maxHeldSpace && tags.some((one) => one.startsWith(lead))) return false;
  if (afterTag) splitter.held = lead;
  splitter.state = { in: "answer", mayRetract: !afterTag };
  return true;
}

function readReasoning(splitter: Splitter, events: ThinkEvent[]): boolean {
  const { state, held } = splitter;
  const close = state.in === "reasoning" ? state.close : "";
  const at = held.indexOf(close);
  const said = held.slice(0, at < 0 ? held.length - openTail(held, [close]) : at);
  push(events, "reasoning", said);
  splitter.held = held.slice(said.length + (at < 0 ? 0 : close.length));
  if (at >= 0) splitter.state = { in: "start", afterTag: true };
  return at >= 0;
}

function readAssumed(splitter: Splitter, events: ThinkEvent[]): boolean {
  const { held, assumed } = splitter;
  if (assumed === "") {
    const lead = held.trimStart();
    if (tags.some((tag) => lead.startsWith(tag))) {
      splitter.state = { in: "start", afterTag: true };
      return true;
    }
    if (tags.some((tag) => tag.startsWith(lead))) return false;
  }
  const found = firstOf(held, closes);
  const said = held.slice(0, found?.at ?? held.length - openTail(held, closes));
  push(events, "reasoning", said);
  splitter.held = held.slice(said.length + (found?.tag.length ?? 0));
  splitter.assumed = found === undefined ? assumed + said : "";
  if (found !== undefined) splitter.state = { in: "start", afterTag: true };
  else if (splitter.assumed.length > maxRetractChars) settleAsText(splitter, events);
  return found !== undefined;
}

function readAnswer(splitter: Splitter, events: ThinkEvent[]): boolean {
  const { state, held } = splitter;
  const mayRetract = state.in === "answer" && state.mayRetract;
  const found = mayRetract ? firstOf(held, tags) : undefined;
  if (found === undefined) {
    const kept = mayRetract ? openTail(held, tags) : 0;
    splitter.held = held.slice(held.length - kept);
    say(splitter, events, held.slice(0, held.length - kept));
    return false;
  }
  const { at, tag } = found;
  const before = held.slice(0, at);
  // With its beginning in the text, an end is text too.
  if (opens.includes(tag)) {
    splitter.state = { in: "answer", mayRetract: false };
    return true;
  }
  const next = held[at + tag.length];
  if (next === undefined) {
    splitter.held = held.slice(at);
    say(splitter, events, before);
    return false;
  }
  splitter.held = held.slice(at + tag.length);
  if (!splitter.code.isBareEnd(before, next)) {
    say(splitter, events, before + tag);
    return true;
  }
  if (splitter.saidText) events.push({ type: "retract" });
  push(events, "reasoning", before);
  splitter.onBareEnd();
  splitter.state = { in: "start", afterTag: true };
  return true;
}

function say(splitter: Splitter, events: ThinkEvent[], text: string): void {
  if (text === "") return;
  push(events, "text", text);
  splitter.saidText = true;
  splitter.code.saw(text);
  splitter.chars += text.length;
  if (splitter.chars > maxRetractChars) splitter.state = { in: "answer", mayRetract: false };
}

function settleAsText(splitter: Splitter, events: ThinkEvent[]): void {
  const text = splitter.assumed + splitter.held;
  splitter.assumed = "";
  splitter.held = "";
  splitter.state = { in: "answer", mayRetract: false };
  say(splitter, events, text);
}

function settleApart(splitter: Splitter): ThinkEvent[] {
  const events: ThinkEvent[] = [];
  const { state } = splitter;
  if (state.in === "assumed" && splitter.assumed !== "") settleAsText(splitter, events);
  else if (state.in === "answer") splitter.state = { in: "answer", mayRetract: false };
  else if (state.in !== "reasoning") splitter.state = { in: "start", afterTag: true };
  return events;
}

function push(events: ThinkEvent[], type: "text" | "reasoning", text: string): void {
  if (text !== "") events.push({ type, text });
}

function closeOf(tag: string): string {
  return closes[opens.indexOf(tag)] ?? "";
}

function firstOf(text: string, among: readonly string[]): { at: number; tag: string } | undefined {
  return among
    .map((tag) => ({ at: text.indexOf(tag), tag }))
    .filter(({ at }) => at >= 0)
    .toSorted((a, b) => a.at - b.at)[0];
}

/** How many characters at the end may be the beginning of one of the tags. */
function openTail(text: string, among: readonly string[]): number {
  const longest = Math.max(...among.map((tag) => tag.length)) - 1;
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const tail = text.slice(text.length - length);
    if (among.some((tag) => tag.startsWith(tail))) return length;
  }
  return 0;
}

/** Whether the end of a text is in code, and what its last character is. */
function createCodeMark() {
  let inCode = false;
  let last = "";
  return {
    saw(text: string): void {
      for (let at = text.indexOf("`"); at >= 0; at = text.indexOf("`", at + 1)) inCode = !inCode;
      last = text.at(-1) ?? last;
    },
    isBareEnd(before: string, next: string): boolean {
      const ticks = before.split("`").length - 1;
      const previous = before.at(-1) ?? last;
      const isQuoted = /["'`“”‘’«»(]/.test(previous) || /["'`“”‘’«»).,;:]/.test(next);
      const isWord = /[^\S\n]/.test(previous) && /[^\S\n]/.test(next);
      return (ticks % 2 === 1) === inCode && !isQuoted && !isWord;
    },
  };
}
