import { badRequest } from "./api-status.ts";

type Labels = Readonly<Record<string, string>>;
type LabelRequirement = (labels: Labels) => boolean;

const NAME = "[A-Za-z0-9][A-Za-z0-9._/-]*";
const SET = new RegExp(`^(${NAME})\\s+(in|notin)\\s+\\(([^()]*)\\)$`);
const EQUALITY = new RegExp(`^(${NAME})\\s*(==|=|!=)\\s*([A-Za-z0-9._-]*)$`);
const EXISTENCE = new RegExp(`^(!?)\\s*(${NAME})$`);

/** Whether labels match a selector: `=`, `==`, `!=`, `in`, `notin`, existence and `!`, all of them joined by commas. */
export function parseLabelSelector(selector: string): LabelRequirement {
  const requirements = splitRequirements(selector).map(parseLabelRequirement);
  return (labels) => requirements.every((requirement) => requirement(labels));
}

/** Commas inside the parentheses of `in (a,b)` separate nothing. */
function splitRequirements(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function parseLabelRequirement(text: string): LabelRequirement {
  const [, setKey, operator, list] = SET.exec(text) ?? [];
  if (setKey !== undefined && list !== undefined) {
    const values = new Set(list.split(",").map((value) => value.trim()));
    return operator === "in"
      ? (labels) => values.has(labels[setKey] ?? "\0")
      : (labels) => !values.has(labels[setKey] ?? "\0");
  }
  const [, key, comparison, value] = EQUALITY.exec(text) ?? [];
  if (key !== undefined)
    return comparison === "!=" ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
  const [, not, present] = EXISTENCE.exec(text) ?? [];
  if (present !== undefined) return (labels) => (labels[present] !== undefined) === (not === "");
  throw badRequest(`unable to parse requirement: '${text.slice(0, 100)}' is not a label selector`);
}

/** The fields of an object that a selector may name, by their path. */
export type SelectableFields = Readonly<Record<string, string>>;

/** Whether fields match a selector: `path=value`, `==` and `!=`, all of them joined by commas. */
export function parseFieldSelector(selector: string): (fields: SelectableFields) => boolean {
  const requirements = selector
    .split(",")
    .filter((part) => part !== "")
    .map(parseFieldRequirement);
  // All of them, so that a field that cannot select is found whatever the others say.
  return (fields) => !requirements.map((requirement) => requirement(fields)).includes(false);
}

/** Kinds that have no fields of their own to select by say so in other words. */
function unknownField(path: string, known: readonly string[]): Error {
  if (known.some((name) => !name.startsWith("metadata."))) return badRequest(`field label not supported: ${path}`);
  const names = ["metadata.name", "metadata.namespace"].map((name) => `"${name}"`).join(", ");
  return badRequest(`"${path}" is not a known field selector: only ${names}`);
}

function parseFieldRequirement(text: string): (fields: SelectableFields) => boolean {
  const [, path, operator, value] = /^([A-Za-z.]+)(==|=|!=)(.*)$/.exec(text) ?? [];
  if (path === undefined || value === undefined)
    throw badRequest(`invalid selector: '${text.slice(0, 100)}'; can't understand it`);
  return (fields) => {
    const actual = fields[path];
    if (actual === undefined) throw unknownField(path, Object.keys(fields));
    return (actual === value) === (operator !== "!=");
  };
}
