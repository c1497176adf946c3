/** Who answers: a prompt, what it may use, and what makes a message its own. */
export interface Agent {
  readonly name: string;
  /** One sentence for people. */
  readonly description: string;
  /** Messages people would send to it; the router compares new ones with them. */
  readonly examples: readonly string[];
  /** A message that matches one of these is this agent's. */
  readonly rules: readonly RegExp[];
  readonly systemPrompt: string;
  /** Instead of the provider's model; a message that names a model itself goes before it. */
  readonly model?: string;
  /** Models that are asked in its place, in this order. Undefined: those that the table of the models names. A message that names a model has its own. */
  readonly fallbacks?: readonly string[];
  /** What viewers get of the model's reasoning: to be seen at once, to be opened by who wants it, or nothing. */
  readonly reasoning: "shown" | "folded" | "dropped";
  /** Names of tools, or beginnings of names that end in `*`; with a `!` before it those are left out. The last one that fits counts. None: it gets no tools. */
  readonly tools: readonly string[];
  /** It may ask for a person to answer in its place. */
  readonly asksPerson?: true;
  /** Names of guards that look at what it is asked and says. Absent: none does. */
  readonly guards?: readonly string[];
  /** Personal data is replaced in what its model's provider gets. */
  readonly maskBeforeProvider?: true;
  /** Folders of the knowledge that are searched for its answers, and documents of whoever asks (`tenant:*`). */
  readonly collections: readonly string[];
  /** Whether it is given what is remembered of whoever asks, and may write more of that down. */
  readonly memory?: boolean;
  /** The list of safety words whose warnings its answers begin with. */
  readonly safety?: string;
}

/** How an agent names collections that whoever asks has brought: `tenant:*` for all, or one of them. */
export const tenantPrefix = "tenant:";
export const everyTenantCollection = `${tenantPrefix}*`;

export function isTenantCollection(name: string): boolean {
  return name.startsWith(tenantPrefix);
}

/** The agent that answers what is nobody else's. Every folder of agents has one of this name. */
export const defaultAgentName = "general";

/** The tools that the agent may use, of those there are. */
export function toolsOf<Tool extends { readonly name: string }>(
  { tools }: Pick<Agent, "tools">,
  offered: readonly Tool[],
): Tool[] {
  return offered.filter(({ name }) => {
    const last = tools.findLast((pattern) => allows(withoutMark(pattern), name));
    return last !== undefined && !leavesOut(last);
  });
}

/** Every tool there is. */
export const everyTool = "*";

/** What the agent names but nobody offers. `*` takes what there is, so it alone is missing when there is nothing, or nothing is known of. */
export function missingTools({ tools }: Pick<Agent, "tools">, offered: readonly { readonly name: string }[]): string[] {
  if (offered.length === 0 && tools.includes(everyTool)) return [everyTool];
  return tools.filter((pattern) => !leavesOut(pattern) && !offered.some(({ name }) => allows(pattern, name)));
}

function leavesOut(pattern: string): boolean {
  return pattern.startsWith("!");
}

function withoutMark(pattern: string): string {
  return leavesOut(pattern) ? pattern.slice(1) : pattern;
}

function allows(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
