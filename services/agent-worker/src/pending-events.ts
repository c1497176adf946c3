import { limits, type ChainEvent } from "@parley/protocol";

/** A chain event without what the chain itself fills in. */
export type NewChainEvent = ChainEvent extends infer E ? (E extends ChainEvent ? Omit<E, Filled> : never) : never;
type Filled = "conversation_id" | "turn_id" | "attempt" | "n" | "ts";

export type PendingEvents = ReturnType<typeof createPendingEvents>;

/** What comes in pieces, and may be joined: the answer, or what the model thinks before it. */
export type StreamedEvent = Extract<NewChainEvent, { type: "token" | "reasoning" }>;

export function isStreamed(event: NewChainEvent | undefined): event is StreamedEvent {
  return event?.type === "token" || event?.type === "reasoning";
}

/** False: it is of another kind, or has no room. */
function join(last: NewChainEvent | undefined, { type, token }: StreamedEvent): boolean {
  if (!isStreamed(last) || last.type !== type || last.token.length + token.length > limits.tokenChars) return false;
  last.token += token;
  return true;
}

/**
 * A step that was announced and has found something while nobody had been told is told once, with what it has found: each event of a turn before its
 * first text is an append that the text waits for.
 */
function replaces(event: NewChainEvent, last: NewChainEvent | undefined): boolean {
  return event.type === "progress" && last?.type === "progress" && last.step === event.step;
}

/** A text in pieces that one event can hold, cut between characters. */
function piecesOf(text: string): string[] {
  if (text.length <= limits.tokenChars) return [text];
  const pieces: string[] = [];
  for (let start = 0; start < text.length;) {
    const end = start + limits.tokenChars;
    const splitsPair = (text.charCodeAt(end - 1) & 0xfc00) === 0xd800 && (text.charCodeAt(end) & 0xfc00) === 0xdc00;
    pieces.push(text.slice(start, splitsPair ? end - 1 : end));
    start = splitsPair ? end - 1 : end;
  }
  return pieces;
}

/** Without text, but with that which is owed for a restart before it. */
function withoutText(events: readonly NewChainEvent[], isRestarted: boolean): NewChainEvent[] {
  const owed = isRestarted ? events.find(({ type }) => type === "token") : undefined;
  return events.filter((event) => event === owed || (!isStreamed(event) && event.type !== "turn_restarted"));
}

/** One wait at a time, which can be ended early. */
function createPause() {
  let wake: (() => void) | undefined;
  return {
    begin: (ms: number): Promise<void> =>
      new Promise((resolve) => {
        const end = (): void => {
          clearTimeout(timer);
          wake = undefined;
          resolve();
        };
        const timer = setTimeout(end, ms);
        wake = end;
      }),
    end: (): void => wake?.(),
  };
}

/**
 * What a chain has still to write, in order. Text that follows text is joined, and text waits until `flushMs()` after the text before it; the
 * first text of a silence, and everything else, waits for nothing.
 */
export function createPendingEvents(flushMs: () => number) {
  const queue: NewChainEvent[] = [];
  let textAt = -Infinity;
  let textType: StreamedEvent["type"] | undefined;
  let hurried = false;
  let isRestarted = false;
  const pause = createPause();

  const push = (event: NewChainEvent): void => {
    if (replaces(event, queue.at(-1))) queue.pop();
    queue.push(event);
    pause.end();
  };

  return {
    isEmpty: (): boolean => queue.length === 0,

    push,

    /** Joins text to text that is already last, as long as one event can hold it. */
    addText(event: StreamedEvent): void {
      if (join(queue.at(-1), event)) return;
      for (const token of piecesOf(event.token)) push({ ...event, token });
    },

    /** Text that was shown is never replaced by nothing: a restart and the text in its place go together, or stay together. */
    dropText(): void {
      queue.splice(0, queue.length, ...withoutText(queue, isRestarted));
    },

    clear: (): void => void queue.splice(0),

    /** What is queued is to be written now: nothing more will join it. */
    hurry(): void {
      hurried = queue.length > 0;
      pause.end();
    },

    /** Until text may be written: the floor is over, or something that is not text comes to be written. Undefined: at once. */
    wait(): Promise<void> | undefined {
      const [next] = queue;
      if (!isStreamed(next) || next.type !== textType || hurried || queue.length > 1) return undefined;
      const waitMs = textAt + flushMs() - performance.now();
      return waitMs <= 0 ? undefined : pause.begin(waitMs);
    },

    /** The next event to write. Undefined: it was dropped while it waited. */
    take(): NewChainEvent | undefined {
      const next = queue.shift();
      // From a restart until the text in its place is taken.
      isRestarted = next?.type === "turn_restarted" || (isRestarted && next?.type !== "token");
      hurried &&= queue.length > 0;
      if (isStreamed(next)) {
        textAt = performance.now();
        textType = next.type;
      }
      return next;
    },
  };
}
