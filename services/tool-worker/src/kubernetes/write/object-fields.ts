import { createHash } from "node:crypto";
import { ToolError } from "../../tools/tool.ts";
import { maskObject } from "../masking.ts";

/** An object as JSON; what an API server answers is nothing else. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The fields of an object that are below a name; none if there is no object. */
export function fieldsOf(object: unknown, ...names: readonly string[]): Fields {
  const found = valueAt(object, names);
  return isFields(found) ? found : {};
}

/** The value at a path; undefined where the path ends before. */
export function valueAt(object: unknown, names: readonly string[]): unknown {
  let value = object;
  for (const name of names) value = isFields(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

export function textAt(object: unknown, names: readonly string[]): string | undefined {
  const value = valueAt(object, names);
  return typeof value === "string" ? value : undefined;
}

export function listAt(object: unknown, names: readonly string[]): readonly unknown[] {
  const value = valueAt(object, names);
  return Array.isArray(value) ? value : [];
}

/**
 * What the API server itself writes, and what is another thing at each dry run: a preview with these in it would never be the same twice, and nothing that
 * was agreed to would run.
 */
const UNSTABLE: readonly RegExp[] = [
  /^status(?:\.|\[|$)/,
  /^metadata\.(?:uid|resourceVersion|generation|creationTimestamp|selfLink|managedFields)(?:\.|\[|$)/,
  /^metadata\.annotations\["kubectl\.kubernetes\.io\/last-applied-configuration"\]$/,
  /^metadata\.annotations\["deployment\.kubernetes\.io\/revision"\]$/,
  // A Job that is only tried out gets a new identity each time.
  /^(?:metadata\.labels|spec\.selector\.matchLabels|spec\.template\.metadata\.labels)\["(?:batch\.kubernetes\.io\/)?controller-uid"\]$/,
];

/** A new Service that is only tried out gets other addresses than it will have. One that is there has its own. */
const ASSIGNED: readonly RegExp[] = [
  /^spec\.(?:clusterIPs?|healthCheckNodePort)(?:\[|$)/,
  /^spec\.ports\[.*\]\.nodePort$/,
];

/** Whether the API server chose the value of this field of an object that is new. */
export function isAssigned(path: string): boolean {
  return ASSIGNED.some((pattern) => pattern.test(path));
}

/** Bounds what an object from a hostile cluster may cost. */
const MAX_FIELDS = 20_000;
const MAX_DEPTH = 64;
/** Of one value; a digest stands for the rest. */
const MAX_VALUE_CHARS = 1_000;

export interface Field {
  /** As people may see it. */
  readonly shown: string;
  readonly isHidden: boolean;
  /** What it is, to be compared and not to be shown. */
  readonly is: string;
}

/** An object as fields by their paths, without what changes by itself, secrets hidden. Throws a ToolError for one that is too large to be shown. */
export function stableFields(object: unknown): ReadonlyMap<string, Field> {
  const found = new Map<string, Field>();
  const walk = (value: unknown, masked: unknown, { path, depth }: { path: string; depth: number }): void => {
    if (UNSTABLE.some((pattern) => pattern.test(path))) return;
    if (found.size >= MAX_FIELDS)
      throw new ToolError("The object has more fields than can be shown, so it is not changed.");
    const parts = depth < MAX_DEPTH ? partsOf(value, masked, path) : [];
    for (const part of parts) walk(part.value, part.masked, { path: part.path, depth: depth + 1 });
    if (parts.length === 0) found.set(path, fieldOf(value, masked));
  };
  walk(object, maskObject(object), { path: "", depth: 0 });
  return found;
}

interface Part {
  readonly value: unknown;
  readonly masked: unknown;
  readonly path: string;
}

/** None: it is one field. */
function partsOf(value: unknown, masked: unknown, path: string): readonly Part[] {
  if (Array.isArray(value) && Array.isArray(masked)) {
    const items: readonly unknown[] = value;
    const shown: readonly unknown[] = masked;
    return keysOf(items).map((key, at) => ({ value: items[at], masked: shown[at], path: `${path}[${key}]` }));
  }
  if (!isFields(value) || !isFields(masked)) return [];
  return Object.keys(value).map((name) => ({
    ...{ value: value[name], masked: masked[name] },
    path: pathBelow(path, name),
  }));
}

function fieldOf(value: unknown, masked: unknown): Field {
  const [is, shown] = [JSON.stringify(value) ?? "null", JSON.stringify(masked) ?? "null"];
  return { is, shown: shortened(shown), isHidden: is !== shown };
}

function shortened(text: string): string {
  if (text.length <= MAX_VALUE_CHARS) return text;
  const digest = createHash("sha256").update(text).digest("hex");
  return `${text.slice(0, MAX_VALUE_CHARS).toWellFormed()}… (${text.length} characters, sha256 ${digest})`;
}

function pathBelow(path: string, name: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}

/** Items by what names them, so that one that is put in front does not change all that follow; by number where names are missing or are not unique. */
function keysOf(items: readonly unknown[]): readonly string[] {
  for (const field of ["name", "containerPort", "port", "key", "ip"]) {
    const keys = items.map((item) => nameOf(item, field));
    const named = keys.filter((key) => key !== undefined);
    if (named.length === items.length && new Set(named).size === items.length) return named;
  }
  return items.map((_, at) => String(at));
}

function nameOf(item: unknown, field: string): string | undefined {
  const value = isFields(item) ? item[field] : undefined;
  if (typeof value === "number") return `${field}=${value}`;
  return typeof value === "string" && /^[\w./:-]{1,253}$/.test(value) ? value : undefined;
}
