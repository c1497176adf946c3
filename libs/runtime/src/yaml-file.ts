import { issueWords } from "@parley/protocol";
import { LineCounter, isMap, isNode, isScalar, parseDocument, type Document, type YAMLError } from "yaml";
import type { z } from "zod";

export interface YamlFile {
  /** As people know it; it stands in every problem. */
  readonly file: string;
  readonly text: string;
}

export type ParsedYaml<Value> =
  | {
      readonly ok: true;
      readonly value: Value;
      /** File and line of a value, or of what encloses it when there is none. */
      readonly placeOf: (path: readonly PropertyKey[]) => string;
    }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads a file by its schema. Problems are values, each with file and line: a person mends all of them at once. */
export function parseYaml<Schema extends z.ZodType>(
  { file, text }: YamlFile,
  schema: Schema,
): ParsedYaml<z.output<Schema>> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${file}:${lines.linePos(offset).line}`;
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    return { ok: false, problems: faults.map(({ pos, ...fault }) => `${at(pos[0])}: ${wordsOf(fault)}`) };
  }
  const content = contentOf(document);
  if (!content.ok) return { ok: false, problems: [`${at(0)}: ${content.problem}`] };
  const result = schema.safeParse(content.value);
  if (!result.success) {
    const problems = result.error.issues.flatMap((issue) => problemsOf(issue, document));
    return { ok: false, problems: problems.map(({ offset, says }) => `${at(offset)}: ${says}`) };
  }
  return { ok: true, value: result.data, placeOf: (path) => at(offsetOf(document, path)) };
}

/** The commonest slip has the library's oddest sentence. */
function wordsOf({ code, message }: Pick<YAMLError, "code" | "message">): string {
  return code === "MULTILINE_IMPLICIT_KEY" ? 'a name lacks its ":"' : message;
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
    return issue.keys.map((key) => ({
      offset: keyOffset(document, path, key) ?? offset,
      says: `unknown field "${key}"`,
    }));
  }
  if (path.length === 0) return [{ offset, says: wholeFileWords(issue) }];
  const name = path.map(String).join(".");
  if (!document.hasIn(path)) return [{ offset, says: `the field "${name}" is missing` }];
  return [{ offset, says: `${name} ${issueWords(issue)}` }];
}

/** What a schema says of its fields together has words of its own. */
function wholeFileWords({ code, message }: z.core.$ZodIssue): string {
  return code === "custom" ? `the file ${message}` : "the file is not a list of fields";
}

/** Where the value at this path begins, or what encloses it when there is none. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  if (isNode(node) && node.range) return node.range[0];
  return path.length === 0 ? 0 : offsetOf(document, path.slice(0, -1));
}

function keyOffset(document: Document, path: readonly PropertyKey[], name: string): number | undefined {
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isMap(node)) return undefined;
  const keys = node.items.map(({ key }) => key).filter((key) => isScalar(key));
  return keys.find((key) => key.value === name)?.range?.[0];
}
