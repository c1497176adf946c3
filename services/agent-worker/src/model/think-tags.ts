import { appended } from "@parley/protocol";
import { isPartOfText, judgeBareEnd, type BareEnd } from "./bare-end.ts";
import { closeOf, closes, firstOf, opens, openTail, tags } from "./reasoning-tags.ts";

/**
 * Reasoning that a server leaves in the text between tags. It counts as reasoning at the beginning of an answer only: further on a tag is text that
 * somebody asked for, such as code. Some chat templates open the reasoning themselves, so that only its end is in the answer: that bare end makes all
 * text before it reasoning. Viewers lose that text, so nothing may speak against it: the end stands in the first part of the answer, has its beginning
 * nowhere before it, is neither quoted nor in code nor a word of a sentence, and the question has no such tag. Where it is doubtful (see `bare-end.ts`)
 * the text stays, until another answer of the model ends so as well.
 */

export type ThinkEvent = { type: "text" | "reasoning"; text: string } | { type: "retract" };

/** What a tag begins with, and what tells code. */
const special = /[<[◁`]/;
/** A bare end is looked for in this much text that viewers have: some 8,000 tokens. */
const maxRetractChars = 32 * 1024;
/** And in this much that they have not, because the model is known to begin with reasoning. */
const maxAssumedChars = 256 * 1024;
/** Of ends in one answer; with more, the text is about them. */
const maxJudged = 16;
/** White space before a tag; a model that writes more of it is not about to think. */
const maxHeldSpace = 1_024;

export interface ThinkTagsOptions {
  /** The template has opened the reasoning. If no end comes, all of it was the answer. */
  readonly startsInside?: boolean;
  /** A rule says so, not only earlier answers: what breaks off before the end is reasoning. */
  readonly isCertain?: boolean;
  /** The answer before ended reasoning that it had not begun: what is doubtful otherwise is none. */
  readonly isKnownToEnd?: boolean;
  /** A rule says that no answer begins within the reasoning. */
  readonly neverInside?: boolean;
  /** Whether the question has such a tag: one in the answer may be what was asked for. */
  readonly isAskedFor?: () => boolean;
  /** Reasoning, once it is certain that it is. */
  readonly onReasoning?: (text: string) => void;
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
  /** Text that a bare end would take back. */
  said: string;
  hadBareEnd: boolean;
  /** Ends that are text. */
  judged: number;
  readonly neverInside: boolean;
  readonly isKnownToEnd: boolean;
  readonly isAskedFor: () => boolean;
  readonly onReasoning: (text: string) => void;
}

/** Splits one answer. However its text is cut into pieces, text and reasoning come out the same. */
export function createThinkTags(options: ThinkTagsOptions = {}) {
  const { startsInside = false, isCertain = false, isAskedFor = () => false, onReasoning = () => {} } = options;
  const { isKnownToEnd = false, neverInside = false } = options;
  let asked: boolean | undefined;
  const splitter: Splitter = {
    state: startsInside ? { in: "assumed" } : { in: "start", afterTag: false },
    ...{ held: "", assumed: "", said: "", hadBareEnd: false, judged: 0 },
    ...{ isKnownToEnd, neverInside, isAskedFor: () => (asked ??= isAskedFor()), onReasoning },
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
    /** `hasCalls`: tool calls follow. */
    end(hasCalls = false): ThinkEvent[] {
      const events: ThinkEvent[] = [];
      const { state } = splitter;
      if (state.in === "answer" && state.mayRetract) endOfAnswer(splitter, events, hasCalls);
      const { held } = splitter;
      if (state.in === "assumed") settleAsText(splitter, events);
      else if (state.in === "reasoning") reason(splitter, events, held);
      else say(splitter, events, state.in === "start" && state.afterTag ? held.trimStart() : held);
      splitter.held = "";
      return events;
    },
    /** The answer broke off. What it said is lost unless it is text. */
    breakOff(): ThinkEvent[] {
      const events: ThinkEvent[] = [];
      if (splitter.state.in === "assumed" && !isCertain) settleAsText(splitter, events);
      return events;
    },
    /** An end came without a beginning. */
    hadBareEnd: (): boolean => splitter.hadBareEnd,
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
    splitter.hadBareEnd ||= !afterTag && closes.includes(tag) && !splitter.isAskedFor();
    splitter.held = lead.slice(tag.length);
    splitter.state = opens.includes(tag) ? { in: "reasoning", close: closeOf(tag) } : { in: "start", afterTag: true };
    return true;
  }
  if (held.length < maxHeldSpace && tags.some((one) => one.startsWith(lead))) return false;
  if (afterTag) splitter.held = lead;
  splitter.state = { in: "answer", mayRetract: !afterTag && !splitter.neverInside };
  return true;
}

function readReasoning(splitter: Splitter, events: ThinkEvent[]): boolean {
  const { state, held } = splitter;
  const close = state.in === "reasoning" ? state.close : "";
  const at = held.indexOf(close);
  const said = held.slice(0, at < 0 ? held.length - openTail(held, [close]) : at);
  reason(splitter, events, said);
  splitter.held = held.slice(said.length + (at < 0 ? 0 : close.length));
  if (at >= 0) splitter.state = { in: "start", afterTag: true };
  return at >= 0;
}

function readAssumed(splitter: Splitter, events: ThinkEvent[]): boolean {
  const { held, assumed } = splitter;
  if (assumed === "") {
    const lead = held.trimStart();
    const tag = tags.find((one) => lead.startsWith(one));
    if (tag !== undefined) {
      splitter.hadBareEnd = closes.includes(tag);
      splitter.state = { in: "start", afterTag: true };
      return true;
    }
    if (tags.some((one) => one.startsWith(lead))) return false;
  }
  const found = firstOf(held, closes);
  const said = held.slice(0, found?.at ?? held.length - openTail(held, closes));
  push(events, "reasoning", said);
  splitter.held = held.slice(said.length + (found?.tag.length ?? 0));
  splitter.assumed = assumed + said;
  if (found === undefined) {
    if (splitter.assumed.length > maxAssumedChars) settleAsText(splitter, events);
    return false;
  }
  splitter.onReasoning(splitter.assumed);
  splitter.assumed = "";
  splitter.hadBareEnd = true;
  splitter.state = { in: "start", afterTag: true };
  return true;
}

function readAnswer(splitter: Splitter, events: ThinkEvent[]): boolean {
  const { state, held } = splitter;
  const mayRetract = state.in === "answer" && state.mayRetract;
  // What stands further on is text in any case.
  const found = mayRetract ? firstOf(held.slice(0, 2 * maxRetractChars), tags) : undefined;
  if (found === undefined) {
    const kept = mayRetract ? openTail(held, tags) : 0;
    splitter.held = held.slice(held.length - kept);
    say(splitter, events, held.slice(0, held.length - kept));
    return false;
  }
  const { at, tag } = found;
  // With its beginning in the text, an end is text too.
  if (opens.includes(tag)) {
    splitter.state = { in: "answer", mayRetract: false };
    return true;
  }
  const before = held.slice(0, at);
  const after = held.slice(at + tag.length);
  const end = { before, after, isAtLimit: splitter.said.length + at > maxRetractChars };
  switch (judgeEnd(splitter, end)) {
    case "reasoning":
      takeBack(splitter, events, before);
      splitter.held = after;
      return true;
    case "doubtful":
      splitter.hadBareEnd = true;
      splitter.state = { in: "answer", mayRetract: false };
      return true;
    case "text":
      splitter.held = after;
      say(splitter, events, before + tag);
      if (++splitter.judged === maxJudged) splitter.state = { in: "answer", mayRetract: false };
      return true;
    case "open":
      splitter.held = held.slice(at);
      say(splitter, events, before);
      return false;
  }
}

interface FoundEnd {
  readonly before: string;
  readonly after: string;
  readonly isAtLimit: boolean;
}

/** `open`: what follows will tell. */
function judgeEnd(splitter: Splitter, { before, after, isAtLimit }: FoundEnd): BareEnd | "open" {
  if (isAtLimit) return "text";
  if (after === "") return "open";
  const said = splitter.said + before;
  if (isPartOfText(said, after.slice(0, 1)) || splitter.isAskedFor()) return "text";
  const blank = after.length - after.trimStart().length;
  if (blank >= maxHeldSpace) return "text";
  if (blank === after.length) return "open";
  const judged = judgeBareEnd(said, after);
  return judged === "doubtful" && splitter.isKnownToEnd ? "reasoning" : judged;
}

/** An end with nothing but calls behind it. With nothing at all the text is all there is, unless the model is known: then the answer never came. */
function endOfAnswer(splitter: Splitter, events: ThinkEvent[], hasCalls: boolean): void {
  const { held } = splitter;
  const tag = closes.find((one) => held.startsWith(one));
  if (tag === undefined || splitter.isAskedFor()) return;
  // As the last word of a sentence it is text.
  const next = hasCalls ? (held[tag.length] ?? "\n") : " ";
  if (isPartOfText(splitter.said, next)) return;
  splitter.hadBareEnd = true;
  if (!hasCalls && !splitter.isKnownToEnd) return;
  takeBack(splitter, events, "");
  splitter.held = "";
}

/** A bare end came behind `before`: all of it was reasoning. */
function takeBack(splitter: Splitter, events: ThinkEvent[], before: string): void {
  if (splitter.said !== "") events.push({ type: "retract" });
  push(events, "reasoning", before);
  splitter.onReasoning(splitter.said + before);
  splitter.said = "";
  splitter.hadBareEnd = true;
  splitter.state = { in: "start", afterTag: true };
}

function say(splitter: Splitter, events: ThinkEvent[], text: string): void {
  if (text === "") return;
  push(events, "text", text);
  if (splitter.state.in === "answer" && !splitter.state.mayRetract) return;
  splitter.said = appended(splitter.said, text);
  if (splitter.said.length > maxRetractChars) splitter.state = { in: "answer", mayRetract: false };
}

function reason(splitter: Splitter, events: ThinkEvent[], text: string): void {
  push(events, "reasoning", text);
  if (text !== "") splitter.onReasoning(text);
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
