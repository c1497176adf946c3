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

/**
 * A writer that shows what its checks let pass. Rules see all text before it is shown. The endpoint is asked after each `everyChars` characters, and the answer goes on meanwhile: at most twice as many
 * characters are shown that it has not seen. What is blocked is taken back.
 */
export function createGuardedWriter(inner: StepWriter, { checks, signal, onBlocked }: GuardedDeps): GuardedWriter {
  const { rules, endpoint, everyChars } = checks;
  let said = "";
  let shown = 0;
  let checked = 0;
  let generation = 0;
  let isBlocked = false;
  let running: Promise<void> | undefined;

  const block = (error: ChatError): void => {
    if (isBlocked) return;
    isBlocked = true;
    onBlocked(error);
  };
  const release = (isEnd: boolean): void => {
    const most = endpoint === undefined || isEnd ? said.length : Math.min(said.length, checked + 2 * everyChars);
    const end = isEnd ? most : Math.min(most, wordEnd(said, shown));
    if (isBlocked || end <= shown) return;
    const error = rules(said.slice(Math.max(0, shown - tailChars), end));
    if (error !== undefined) return block(error);
    inner.text(said.slice(shown, end));
    shown = end;
  };
  const look = async (ask: NonNullable<typeof endpoint>): Promise<void> => {
    const [of, end] = [generation, said.length];
    const error = await ask(said.slice(Math.max(0, checked - overlapChars), end), signal);
    if (of !== generation) return;
    if (error !== undefined) return block(error);
    checked = end;
    release(false);
  };
  const lookSoon = (leastChars: number): void => {
    if (endpoint === undefined || running !== undefined || isBlocked || said.length - checked < leastChars) return;
    // Who waits for all of it is told by `checked`; of an aborted turn nobody waits.
    running = look(endpoint)
      .catch(() => undefined)
      .finally(() => {
        running = undefined;
        lookSoon(everyChars);
      });
  };
  const forget = (): void => {
    generation++;
    [said, shown, checked] = ["", 0, 0];
  };

  return {
    ...inner,
    text(token) {
      if (isBlocked || token === "") return;
      said += token;
      release(false);
      lookSoon(everyChars);
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
      while (!isBlocked && (running !== undefined || (endpoint !== undefined && checked < said.length))) {
        signal.throwIfAborted();
        lookSoon(1);
        await running;
      }
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
