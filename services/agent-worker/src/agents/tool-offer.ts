import type { ToolCatalogue } from "@parley/bus";
import type { ToolDefinition } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import { everyTool, missingTools, toolsOf, type Agent } from "./agent.ts";

export interface ToolOfferDeps {
  readonly catalogue: Pick<ToolCatalogue, "list" | "refresh" | "isKnown">;
  /** How long a turn may wait for tools that its agent names and nobody offers. */
  readonly waitMs: number;
}

export interface OfferInput {
  readonly agent: Pick<Agent, "tools">;
  /** Which tools whoever asks may run. */
  readonly mayRun: (tool: string) => boolean;
  /** Its reason is thrown when it is aborted. */
  readonly signal: AbortSignal;
  /** A sentence for the viewers. */
  readonly tell: (message: string) => void;
}

export interface Offer {
  readonly tools: readonly ToolDefinition[];
  /** Those that its agent has and whoever asks may not run: the model is not told of them. */
  readonly notAllowed: readonly ToolDefinition[];
  /** What the model must know of the tools that are not there; empty: they all are. */
  readonly note: string;
}

/** For a step in which the model has to answer. */
export const noTools: Offer = { tools: [], notAllowed: [], note: "" };

interface Look extends Omit<Offer, "note"> {
  /** What the agent names and nobody offers, in its words. */
  readonly missing: readonly string[];
}

function lookOf({ there, away }: Found, mayRun: (tool: string) => boolean): Look {
  const tools: ToolDefinition[] = [];
  const notAllowed: ToolDefinition[] = [];
  for (const tool of there) (mayRun(tool.name) ? tools : notAllowed).push(tool);
  // Nobody waits for what they may not run, nor hears of it.
  return { tools, notAllowed, missing: away.filter((name) => name.endsWith(everyTool) || mayRun(name)) };
}

/** What there is of what an agent names, and what is not. */
interface Found {
  readonly there: readonly ToolDefinition[];
  readonly away: readonly string[];
}

/** The same list is asked for by every turn until the catalogue has another one. */
function createFinding() {
  let known: readonly ToolDefinition[] = [];
  const found = new Map<readonly string[], Found>();
  return (agent: Pick<Agent, "tools">, definitions: readonly ToolDefinition[]): Found => {
    if (known !== definitions) found.clear();
    known = definitions;
    const its = found.get(agent.tools) ?? {
      there: toolsOf(agent, definitions),
      away: missingTools(agent, definitions),
    };
    found.set(agent.tools, its);
    return its;
  };
}

export type ToolOffer = ReturnType<typeof createToolOffer>;

const lookEveryMs = 200;

/**
 * The tools of an agent. A worker that has just started, or whose tool workers have, may not know of them yet: who has none of those it
 * names waits for them a moment, in each turn. Who has some of them waits only while the others are newly missing, as they may be a mistake in
 * its file, which must not slow every turn. So does who takes every tool: there may be none on purpose. With all of them there nothing is
 * waited for, nor asked.
 */
export function createToolOffer({ catalogue, waitMs }: ToolOfferDeps) {
  /** Since when nobody offers what this names; as many as there are names in the agents' files. */
  const missingSince = new Map<string, number>();
  let wasKnown = false;
  const find = createFinding();

  const look = ({ agent, mayRun }: OfferInput, definitions: readonly ToolDefinition[]): Look => {
    const found = find(agent, definitions);
    const now = performance.now();
    // Without Redis nobody could know of any tool: that there is none is news when it is back.
    if (!wasKnown && catalogue.isKnown()) missingSince.delete(everyTool);
    wasKnown = catalogue.isKnown();
    for (const name of agent.tools) {
      if (!found.away.includes(name)) missingSince.delete(name);
      else if (!missingSince.has(name)) missingSince.set(name, now);
    }
    return lookOf(found, mayRun);
  };

  const deadlineOf = ({ tools, missing }: Look): number => {
    if (tools.length === 0 && !missing.includes(everyTool)) return performance.now() + waitMs;
    return Math.max(...missing.map((name) => missingSince.get(name) ?? 0)) + waitMs;
  };

  const lookUntil = async (deadline: number, input: OfferInput): Promise<Look> => {
    const { signal } = input;
    for (;;) {
      await sleep(Math.min(lookEveryMs, Math.max(0, deadline - performance.now())), signal);
      signal.throwIfAborted();
      const found = look(input, await catalogue.refresh());
      if (found.missing.length === 0 || performance.now() >= deadline) return found;
    }
  };

  /** For one turn: gives what there is for each of its steps. Only the first waits, or a turn of many steps would wait for each. */
  return (input: OfferInput): (() => Promise<Offer>) => {
    let mayWait = true;
    let told = "";
    if (input.agent.tools.length === 0) return () => Promise.resolve(noTools);
    return async () => {
      let found = look(input, await catalogue.list());
      const deadline = deadlineOf(found);
      if (found.missing.length > 0 && mayWait && performance.now() < deadline) {
        input.tell(isEvery(found.missing) ? "Waiting for tools" : `Waiting for the tools ${found.missing.join(", ")}`);
        found = await lookUntil(deadline, input);
      }
      mayWait = false;
      const { missing, ...offer } = found;
      const away = missing.join(", ");
      if (away !== "" && away !== told)
        input.tell(isEvery(missing) ? "All tools are away" : `These tools are away: ${away}`);
      told = away;
      return { ...offer, note: away === "" ? "" : noteOn(missing) };
    };
  };
}

function isEvery(missing: readonly string[]): boolean {
  return missing.includes(everyTool);
}

function noteOn(missing: readonly string[]): string {
  const [which, list] = isEvery(missing) ? ["All", ""] : ["These", `: ${missing.join(", ")}`];
  return (
    `${which} of your tools are away, because nothing that runs them is there at the moment${list}. ` +
    "If the question needs one of them, say that it is away, and never guess what it would have returned."
  );
}
