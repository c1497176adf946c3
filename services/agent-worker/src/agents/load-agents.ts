import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { StartError } from "@parley/runtime";
import { defaultAgentName, type Agent } from "./agent.ts";
import { parseAgentFile, type ParsedAgentFile } from "./agent-file.ts";

export interface AgentFolder {
  readonly folder: string;
  /** Names of the collections of the knowledge; an agent that names another one is a problem. */
  readonly collections: readonly string[];
  /** Names of the lists of safety words; undefined: whatever agents name is taken. */
  readonly safetyLists?: readonly string[] | undefined;
  /** Names of the guards. */
  readonly guards?: readonly string[];
}

/** Reads every `*.yaml` of a folder, in the order of their names. Throws one StartError with all problems of all files. */
export async function loadAgents({ folder, ...names }: AgentFolder): Promise<Agent[]> {
  const parsed: ParsedAgentFile[] = [];
  for (const name of await agentFiles(folder)) {
    const file = path.join(folder, name);
    parsed.push(parseAgentFile({ file, text: await readFile(file, "utf8"), ...names }));
  }
  const found = parsed.filter((entry) => entry.ok);
  const problems = [
    ...parsed.flatMap((entry) => (entry.ok ? [] : entry.problems)),
    ...repeatedNames(found),
    // A broken file may be the one that is missed.
    ...(parsed.every((entry) => entry.ok) ? missingDefault(found, folder) : []),
  ];
  if (problems.length > 0) {
    throw new StartError(["The agents cannot be used:", ...problems.map((problem) => `  - ${problem}`)].join("\n"));
  }
  return found.map(({ agent }) => agent);
}

type FoundAgent = Extract<ParsedAgentFile, { ok: true }>;

async function agentFiles(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names.filter((name) => /\.ya?ml$/.test(name)).toSorted();
  } catch (cause) {
    throw new StartError(`The folder of the agents, ${folder}, cannot be read.`, { cause });
  }
}

function repeatedNames(found: readonly FoundAgent[]): string[] {
  return found.flatMap(({ agent, place }, index) => {
    const first = found.findIndex((other) => other.agent.name === agent.name);
    return first === index ? [] : `${place}: the name "${agent.name}" is taken by ${found[first]?.place}`;
  });
}

function missingDefault(found: readonly FoundAgent[], folder: string): string[] {
  const there = found.some(({ agent }) => agent.name === defaultAgentName);
  return there ? [] : [`${folder}: no file describes the agent "${defaultAgentName}"`];
}
