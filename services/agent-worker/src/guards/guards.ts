import { ChatError } from "@parley/protocol";
import { replacePersonalData, type Logger } from "@parley/runtime";
import type { Agent } from "../agents/agent.ts";
import type { GuardRule } from "./guard-file.ts";
import { leadsElsewhere } from "./links.ts";
import type { Moderate } from "./moderation.ts";

export type GuardSide = "input" | "output";

export interface GuardsDeps {
  readonly guards: readonly GuardRule[];
  readonly moderate: Moderate;
  readonly onBlocked: (guard: string, side: GuardSide) => void;
  readonly onFailure: (guard: string) => void;
  readonly log: Logger;
}

/** What stands between a user and an agent's model. */
export interface AgentGuard {
  /** Throws BLOCKED, or MODEL_UNAVAILABLE where nobody could say and nothing passes then. */
  readonly checkInput: (text: string, signal: AbortSignal) => Promise<void>;
  /** Undefined: answers are not looked at. */
  readonly output: OutputChecks | undefined;
}

export interface OutputChecks {
  /** By rules: at once. */
  readonly rules: (text: string) => ChatError | undefined;
  /** By the endpoint; undefined: there is none. */
  readonly endpoint: ((text: string, signal: AbortSignal) => Promise<ChatError | undefined>) | undefined;
  readonly everyChars: number;
}

export interface Guards {
  /** Undefined: its agent has none, and nothing is to be done. */
  readonly of: (agent: Pick<Agent, "guards" | "maskBeforeProvider">) => AgentGuard | undefined;
}

/** How one guard looks at a text. */
function createLooks({ onBlocked, onFailure, log }: Omit<GuardsDeps, "guards" | "moderate">) {
  const blocked = ({ name, sentence }: GuardRule, side: GuardSide): ChatError => {
    onBlocked(name, side);
    return new ChatError("BLOCKED", { message: sentence, retryable: false });
  };
  return {
    byRules(guard: GuardRule, side: GuardSide, text: string): ChatError | undefined {
      const isFound = guard.rules.some((rule) => rule.test(text));
      const leads = side === "output" && guard.links !== undefined && leadsElsewhere(text, guard.links);
      return isFound || leads ? blocked(guard, side) : undefined;
    },

    createByEndpoint:
      (ask: Moderate, side: GuardSide) =>
      async (guard: GuardRule, text: string, signal: AbortSignal): Promise<ChatError | undefined> => {
        if (guard.endpoint === undefined) return undefined;
        try {
          const limited = AbortSignal.any([signal, AbortSignal.timeout(guard.timeout_ms)]);
          return (await ask(text, guard.endpoint.model, limited)) ? blocked(guard, side) : undefined;
        } catch (err) {
          signal.throwIfAborted();
          onFailure(guard.name);
          log.warn({ err, guard: guard.name }, "a guard could not be asked");
          return guard.on_failure === "open" ? undefined : notChecked(side);
        }
      },
  };
}

type Looks = ReturnType<typeof createLooks>;

function outputOf(guards: readonly GuardRule[], looks: Looks, ask: Moderate): OutputChecks | undefined {
  if (guards.length === 0) return undefined;
  const asked = guards.filter(({ endpoint }) => endpoint !== undefined);
  const byEndpoint = looks.createByEndpoint(ask, "output");
  return {
    rules: (text) => firstOf(guards.map((guard) => looks.byRules(guard, "output", text))),
    endpoint:
      asked.length === 0
        ? undefined
        : async (text, signal) => firstOf(await Promise.all(asked.map((guard) => byEndpoint(guard, text, signal)))),
    everyChars: Math.min(...asked.map(({ every_chars }) => every_chars)),
  };
}

function inputOf(guards: readonly GuardRule[], looks: Looks, ask: Moderate): AgentGuard["checkInput"] {
  const byEndpoint = looks.createByEndpoint(ask, "input");
  return async (text, signal) => {
    const error =
      firstOf(guards.map((guard) => looks.byRules(guard, "input", text))) ??
      firstOf(await Promise.all(guards.map((guard) => byEndpoint(guard, text, signal))));
    if (error !== undefined) throw error;
  };
}

/** Looks at what users write to agents, and at what those say, by the guards that their files name. */
export function createGuards({ guards, moderate, ...deps }: GuardsDeps): Guards {
  const made = new Map<readonly string[], AgentGuard>();
  const looks = createLooks(deps);
  /** The endpoint is the provider's, too. */
  const masking: Moderate = (text, model, signal) =>
    moderate(
      replacePersonalData(text, (_found, kind) => `[${kind}]`),
      model,
      signal,
    );
  const of = (named: readonly string[], side: GuardSide): GuardRule[] =>
    guards.filter(({ name, applies_to }) => named.includes(name) && applies_to.includes(side));

  return {
    of({ guards: named, maskBeforeProvider }) {
      if (named === undefined || named.length === 0) return undefined;
      const known = made.get(named);
      if (known !== undefined) return known;
      const ask = maskBeforeProvider === true ? masking : moderate;
      const guard = {
        checkInput: inputOf(of(named, "input"), looks, ask),
        output: outputOf(of(named, "output"), looks, ask),
      };
      made.set(named, guard);
      return guard;
    },
  };
}

function firstOf(errors: readonly (ChatError | undefined)[]): ChatError | undefined {
  return errors.find((error) => error !== undefined);
}

/** Somebody may say it a moment later. */
function notChecked(side: GuardSide): ChatError {
  const what = side === "input" ? "Your message" : "The answer";
  return new ChatError("MODEL_UNAVAILABLE", {
    message: `${what} could not be checked, and nothing passes unchecked here.`,
  });
}
