import { askPersonTool } from "@parley/protocol";
import { isMemoryTool } from "../memory/facts.ts";
import { parseYaml } from "@parley/runtime";
import { z } from "zod";
import { isTenantCollection, type Agent } from "./agent.ts";
import { parseRule } from "./rule.ts";

const line = (maxChars: number) => z.string().trim().min(1, "must not be empty").max(maxChars);

const Rule = line(300).transform((text, context) => {
  try {
    return parseRule(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : "it cannot be read";
    context.addIssue({ code: "custom", message: `is no valid pattern: ${reason}` });
    return z.NEVER;
  }
});

/** An agent as its YAML file says it. Everything has a bound, because all of it is read for every message. */
const AgentFile = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, "must be 1 to 64 lower-case letters, digits or '-'"),
  description: line(300),
  examples: z.array(line(300)).max(200),
  rules: z.array(Rule).max(50).default([]),
  system_prompt: line(16_384),
  model: line(128).optional(),
  fallbacks: z.array(line(128)).max(8).optional(),
  reasoning: z.enum(["shown", "folded", "dropped"]).default("folded"),
  tools: z
    .array(z.string().regex(/^!?(?:[A-Za-z0-9_-]{1,64}\*?|\*)$/, "must be the name of a tool, or its beginning and *"))
    .max(100)
    .default([]),
  collections: z.array(line(64)).max(20).default([]),
  memory: z.boolean().default(false),
  guards: z.array(line(64)).max(20).default([]),
  mask_before_provider: z.boolean().default(false),
  safety: line(64).optional(),
});

export interface AgentFileInput {
  /** As people know it; it stands in every problem. */
  readonly file: string;
  readonly text: string;
  /** Names of the collections there are. */
  readonly collections: readonly string[];
  /** Names of the lists of safety words there are; undefined: whatever agents name is taken. */
  readonly safetyLists?: readonly string[] | undefined;
  /** Names of the guards there are. */
  readonly guards?: readonly string[];
}

export type ParsedAgentFile =
  | { readonly ok: true; readonly agent: Agent; /** Where its name stands. */ readonly place: string }
  | { readonly ok: false; readonly problems: readonly string[] };

/** The names in it that others have to have, whatever is wrong elsewhere in the file. */
const NamesInFile = z.looseObject({
  collections: z.array(z.string()).catch([]),
  guards: z.array(z.string()).catch([]),
  safety: z.string().optional().catch(undefined),
});

/** Reads an agent file. Problems are values, each with file and line: a person mends all of them at once. */
export function parseAgentFile({ file, text, ...names }: AgentFileInput): ParsedAgentFile {
  const parsed = parseYaml({ file, text }, AgentFile);
  const missing = missingNames({ file, text, ...names });
  if (!parsed.ok) return { ok: false, problems: [...parsed.problems, ...missing] };
  if (missing.length > 0) return { ok: false, problems: missing };
  return { ok: true, agent: toAgent(parsed.value), place: parsed.placeOf(["name"]) };
}

function missingNames({ file, text, collections, safetyLists, guards = [] }: AgentFileInput): string[] {
  const parsed = parseYaml({ file, text }, NamesInFile);
  if (!parsed.ok) return [];
  const { value, placeOf } = parsed;
  const missing = value.collections.flatMap((name, index) =>
    collections.includes(name) || isTenantCollection(name)
      ? []
      : `${placeOf(["collections", index])}: there is no collection "${name}"; ${thereAre(collections)}`,
  );
  const { safety } = value;
  if (safety !== undefined && safetyLists?.includes(safety) === false)
    missing.push(`${placeOf(["safety"])}: there is no list "${safety}" of safety words; ${thereAre(safetyLists)}`);
  for (const [index, name] of value.guards.entries())
    if (!guards.includes(name))
      missing.push(`${placeOf(["guards", index])}: there is no guard "${name}"; ${thereAre(guards)}`);
  return missing;
}

function thereAre(names: readonly string[]): string {
  return names.length === 0 ? "there are none" : `there are: ${names.join(", ")}`;
}

function toAgent(file: z.output<typeof AgentFile>): Agent {
  const { system_prompt, model, fallbacks, tools, safety, guards, mask_before_provider: isMasked, ...rest } = file;
  return {
    ...rest,
    systemPrompt: system_prompt,
    // No tool worker has these, so nobody waits for them; and who takes all tools of theirs has not asked for a person.
    tools: tools.filter((name) => name !== askPersonTool && !(rest.memory && isMemoryTool(name))),
    ...(tools.includes(askPersonTool) ? { asksPerson: true } : {}),
    ...(model === undefined ? {} : { model }),
    ...(fallbacks === undefined ? {} : { fallbacks }),
    ...(safety === undefined ? {} : { safety }),
    ...(guards.length === 0 ? {} : { guards }),
    ...(isMasked ? { maskBeforeProvider: true as const } : {}),
  };
}
