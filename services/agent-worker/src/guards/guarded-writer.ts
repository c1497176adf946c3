import type { ChatError } from "@parley/protocol";
import type { StepWriter } from "../step-writer.ts";
import type { OutputChecks } from "./guards.ts";

export interface GuardedDeps {
  readonly checks: OutputChecks;
  readonly signal: AbortSignal;
  /** Takes back what viewers have of the step, and ends the turn. Called once. */
  readonly onBlocked: (error: ChatError) => void;
}

export interface GuardedWriter extends StepWriter {
  /** Resolves when all that was said is checked and shown. Rejects with the signal's reason. */
  checked(): Promise<void>;
}

/** A word that has not ended is held back, for it may be the half of one that a rule knows, or of an address. */
const longestWord = 256;
/** Of what was said before: a rule may know a phrase of which the beginning was shown. */
const tailChars = 512;
/** With what comes next the endpoint gets so much of what it has seen. */
const overlapChars = 200;

/** What was said so far, of that what is shown, and what the endpoint has seen. */
interface Said {
  text: string;
  shown: number;
  checked: number;
  /** Rises when the model begins again: what was asked before says nothing of what is said now. */
  generation: number;
  isBlocked: boolean;
}

/** Shows what rules let pass, as far as the endpoint need not be waited for. */
function createRelease(inner: StepWriter, said: Said, { checks }: GuardedDeps, block: (error: ChatError) => void) {
  const { rules, endpoint, everyChars } = checks;
  return (isEnd: boolean): void => {
    const { text, shown } = said;
    const most = endpoint === undefined || isEnd ? text.length : Math.min(text.length, said.checked + 2 * everyChars);
    const end = isEnd ? most : Math.min(most, wordEnd(text, shown));
    if (said.isBlocked || end <= shown) return;
    const error = rules(text.slice(Math.max(0, shown - tailChars), end));
    if (error !== undefined) return block(error);
    inner.text(text.slice(shown, end));
    said.shown = end;
  };
}

interface LookParts {
  readonly release: (isEnd: boolean) => void;
  readonly block: (error: ChatError) => void;
}

/** Asks the endpoint, one question after the other. */
function createLooking(said: Said, { checks: { endpoint, everyChars }, signal }: GuardedDeps, parts: LookParts) {
  let running: Promise<void> | undefined;

  const look = async (ask: NonNullable<typeof endpoint>): Promise<void> => {
    const [of, end] = [said.generation, said.text.length];
    const error = await ask(said.text.slice(Math.max(0, said.checked - overlapChars), end), signal);
    if (of !== said.generation) return;
    if (error !== undefined) return parts.block(error);
    said.checked = end;
    parts.release(false);
  };
  const lookSoon = (leastChars: number): void => {
    const isEnough = said.text.length - said.checked >= leastChars;
    // Of an aborted turn each question would fail at once, and the next one be asked, without an end.
    if (endpoint === undefined || running !== undefined || said.isBlocked || signal.aborted || !isEnough) return;
    // Who waits for all of it is told by `checked`; of an aborted turn nobody waits.
    running = look(endpoint)
      .catch(() => undefined)
      .finally(() => {
        running = undefined;
        lookSoon(everyChars);
      });
  };
  return {
    lookSoon,
    /** Until it has seen all. */
    async all(): Promise<void> {
      const lacks = (): boolean => endpoint !== undefined && said.checked < said.text.length;
      while (!said.isBlocked && (running !== undefined || lacks())) {
        signal.throwIfAborted();
        lookSoon(1);
        await running;
      }
    },
  };
}

/**
 * A writer that shows what its checks let pass. Rules see all text before it is shown. The endpoint is asked after each `everyChars` characters, and the answer goes on meanwhile: at most twice as many
 * characters are shown that it has not seen. What is blocked is taken back.
 */
export function createGuardedWriter(inner: StepWriter, deps: GuardedDeps): GuardedWriter {
  const { checks, signal, onBlocked } = deps;
  const said: Said = { text: "", shown: 0, checked: 0, generation: 0, isBlocked: false };
  const block = (error: ChatError): void => {
    if (said.isBlocked) return;
    said.isBlocked = true;
    onBlocked(error);
  };
  const release = createRelease(inner, said, deps, block);
  const looking = createLooking(said, deps, { release, block });
  const forget = (): void => {
    Object.assign(said, { text: "", shown: 0, checked: 0, generation: said.generation + 1 });
  };

  return {
    ...inner,
    text(token) {
      if (said.isBlocked || token === "") return;
      said.text += token;
      release(false);
      looking.lookSoon(checks.everyChars);
    },
    restart() {
      forget();
      inner.restart();
    },
    retract() {
      forget();
      inner.retract();
    },
    async checked() {
      await looking.all();
      release(true);
      signal.throwIfAborted();
    },
  };
}

/** Where the last whole word ends, or what is too long for one. */
function wordEnd(text: string, from: number): number {
  for (let at = text.length; at > from; at--) if (/\s/.test(text.charAt(at - 1))) return at;
  return text.length - from > longestWord ? text.length : from;
}
