import { LineCounter, isMap, isNode, isScalar, parseDocument, type Document } from "yaml";
import { z } from "zod";
import type { Agent } from "./agent.ts";
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
  tools: z
    .array(z.string().regex(/^(?:[A-Za-z0-9_-]{1,64}\*?|\*)$/, "must be the name of a tool, or its beginning and *"))
    .max(100)
    .default([]),
  collections: z.array(line(64)).max(20).default([]),
});

export interface AgentFileInput {
  /** As people know it; it stands in every problem. */
  readonly file: string;
  readonly text: string;
  /** Names of the collections there are. */
  readonly collections: readonly string[];
}

export type ParsedAgentFile =
  | { readonly ok: true; readonly agent: Agent; /** Where its name stands. */ readonly place: string }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads an agent file. Problems are values, each with file and line: a person mends all of them at once. */
export function parseAgentFile({ file, text, collections }: AgentFileInput): ParsedAgentFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${file}:${lines.linePos(offset).line}`;
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    return { ok: false, problems: faults.map(({ pos, message }) => `${at(pos[0])}: ${message}`) };
  }
  const content = contentOf(document);
  if (!content.ok) return { ok: false, problems: [`${at(0)}: ${content.problem}`] };
  const result = AgentFile.safeParse(content.value);
  if (!result.success) {
    const problems = result.error.issues.flatMap((issue) => problemsOf(issue, document));
    return { ok: false, problems: problems.map(({ offset, says }) => `${at(offset)}: ${says}`) };
  }
  const missing = result.data.collections.flatMap((name, index) =>
    collections.includes(name)
      ? []
      : `${at(offsetOf(document, ["collections", index]))}: there is no collection "${name}"; ${thereAre(collections)}`,
  );
  if (missing.length > 0) return { ok: false, problems: missing };
  return { ok: true, agent: toAgent(result.data), place: at(offsetOf(document, ["name"])) };
}

type Content = { ok: true; value: unknown } | { ok: false; problem: string };

/** An alias without its anchor, or with too many copies of it, is found only here. */
function contentOf(document: Document): Content {
  try {
    const value: unknown = document.toJS();
    return value === null ? { ok: false, problem: "the file is empty" } : { ok: true, value };
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : "the file cannot be read" };
  }
}

type Problem = { readonly offset: number; readonly says: string };

function problemsOf(issue: z.core.$ZodIssue, document: Document): Problem[] {
  const { path } = issue;
  const offset = offsetOf(document, path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ offset: keyOffset(document, key) ?? offset, says: `unknown field "${key}"` }));
  }
  if (path.length === 0) return [{ offset, says: "the file is not a list of fields" }];
  const name = path.map(String).join(".");
  if (!document.hasIn(path)) return [{ offset, says: `the field "${name}" is missing` }];
  return [{ offset, says: `${name} ${/^[a-z]/.test(issue.message) ? "" : "cannot be used: "}${issue.message}` }];
}

/** Where the value at this path begins, or what encloses it when there is none. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  if (isNode(node) && node.range) return node.range[0];
  return path.length === 0 ? 0 : offsetOf(document, path.slice(0, -1));
}

function keyOffset({ contents }: Document, name: string): number | undefined {
  if (!isMap(contents)) return undefined;
  const keys = contents.items.map(({ key }) => key).filter((key) => isScalar(key));
  return keys.find((key) => key.value === name)?.range?.[0];
}

function thereAre(names: readonly string[]): string {
  return names.length === 0 ? "there are none" : `there are: ${names.join(", ")}`;
}

function toAgent({ system_prompt, model, ...rest }: z.output<typeof AgentFile>): Agent {
  return { ...rest, systemPrompt: system_prompt, ...(model === undefined ? {} : { model }) };
}
