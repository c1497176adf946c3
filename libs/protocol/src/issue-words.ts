import type { z } from "zod";

type Issue = z.core.$ZodIssue;

const kinds: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  nan: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
  map: "an object",
};

/** What a value is counted in, where its size is not its own number. */
const units: Readonly<Record<string, string>> = {
  string: "character",
  array: "entry",
  record: "field",
  object: "field",
};

function counted(count: number | bigint, unit: string): string {
  if (Number(count) === 1) return `1 ${unit}`;
  return `${count} ${unit === "entry" ? "entries" : `${unit}s`}`;
}

function sizeWords(origin: string, limit: number | bigint, isLeast: boolean): string {
  const unit = units[origin];
  if (unit === undefined) return `must be ${limit} or ${isLeast ? "more" : "less"}`;
  if (isLeast && Number(limit) === 1) return "must not be empty";
  return `must have at ${isLeast ? "least" : "most"} ${counted(limit, unit)}`;
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? `must be ${values.join("")}` : `must be one of ${values.map(String).join(", ")}`;
}

/**
 * What is wrong with a value, for the person who wrote it: a sentence without its subject and its full stop. The messages that our schemas have of their own are
 * such (`must be …`); those of the library name types and patterns that nobody outside knows.
 */
export function issueWords(issue: Issue): string {
  if (/^[a-z]/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return `must be ${kinds[issue.expected] ?? "another kind of value"}`;
    case "too_small":
      return sizeWords(issue.origin, issue.minimum, true);
    case "too_big":
      return sizeWords(issue.origin, issue.maximum, false);
    case "invalid_format":
      return "has characters that are not allowed";
    case "invalid_value":
      return oneOf(issue.values);
    case "invalid_union":
      return "options" in issue && issue.options !== undefined
        ? oneOf(issue.options)
        : "has a value that is not allowed";
    case "unrecognized_keys":
      return `has a field that is not known: ${issue.keys.join(", ")}`;
    default:
      return "has a value that is not allowed";
  }
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at: unknown = value;
  for (const key of path) {
    // Never a list of all fields: a caller may send a hundred thousand.
    at = typeof at === "object" && at !== null && Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined;
  }
  return at;
}

/** The first problem of a value that failed to parse: `id is missing`, `after must be a whole number`. `whole` names the value itself. */
export function problemOf(error: z.ZodError, value: unknown, whole = "it"): string {
  const issue = error.issues[0];
  if (issue === undefined) return `${whole} has a value that is not allowed`;
  const { path } = issue;
  const name = path.length === 0 ? whole : path.map(String).join(".");
  return path.length > 0 && valueAt(value, path) === undefined ? `${name} is missing` : `${name} ${issueWords(issue)}`;
}
