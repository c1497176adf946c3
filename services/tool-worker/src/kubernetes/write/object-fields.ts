import { createHash } from "node:crypto";
import { ToolError } from "../../tools/tool.ts";
import { redactValue } from "../redaction.ts";

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
  /\["(?:batch\.kubernetes\.io\/)?controller-uid"\]$/,
  // A Service that is only tried out gets other addresses than it will have.
  /^spec\.(?:clusterIPs?|healthCheckNodePort)(?:\[|$)/,
  /^spec\.ports\[.*\]\.nodePort$/,
];

/** Bounds what an object from a hostile cluster may cost. */
const MAX_FIELDS = 20_000;
const MAX_DEPTH = 64;
/** Of one value; the mark behind it stands for the rest. */
const MAX_VALUE_CHARS = 1_000;

/** An object as lines of one field each: paths and values in a fixed order, secrets as marks, nothing that changes by itself. */
export function stableFields(object: unknown): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const isSecret = isFields(object) && object["kind"] === "Secret";
  const shown = (path: string, value: unknown): string => {
    if (isSecret && SECRET_VALUES.test(path)) return secretMark(value, path);
    return typeof value === "string" ? shownText(path, value) : (JSON.stringify(value) ?? "null");
  };
  const walk = (value: unknown, path: string, depth: number): void => {
    if (UNSTABLE.some((pattern) => pattern.test(path))) return;
    if (found.size >= MAX_FIELDS) throw new ToolError("The object has more fields than can be shown, so it is not changed.");
    if (depth >= MAX_DEPTH) found.set(path, markOf("too deep", JSON.stringify(value) ?? "null", path));
    else if (Array.isArray(value) && value.length > 0)
      for (const [key, item] of itemsOf(value)) walk(item, `${path}[${key}]`, depth + 1);
    else if (isFields(value) && (path === "" || Object.keys(value).length > 0))
      for (const name of Object.keys(value)) walk(value[name], pathBelow(path, name), depth + 1);
    else found.set(path, shown(path, value));
  };
  walk(object, "", 0);
  return found;
}

const SECRET_VALUES = /^(?:data|stringData)(?:[.[]|$)/;

/** Names that say whether a value is a credential: of variables, annotations, and entries of a ConfigMap. */
const NAMED_VALUE = /\.env\[([^\]]*)\]\.value$|\.annotations(?:\.|\[")([^"\]]*)(?:"\])?$|^data(?:\.|\[")([^"\]]*)(?:"\])?$/;

function shownText(path: string, value: string): string {
  const name = NAMED_VALUE.exec(path)?.slice(1).find((found) => found !== undefined) ?? "";
  const shown = redactValue(name, value);
  // Two values that are hidden alike are told apart all the same: a change that nobody sees is one that nobody agreed to.
  if (shown !== value) return `${JSON.stringify(shown)} ${secretMark(value, path)}`;
  if (value.length <= MAX_VALUE_CHARS) return JSON.stringify(value);
  return `${JSON.stringify(value.slice(0, MAX_VALUE_CHARS).toWellFormed())} ${markOf("cut", value, path)}`;
}

/**
 * Stands for a secret value: the same for the same value at the same place, another for another one. The place is hashed with it, so that equal passwords of
 * two objects do not show as equal.
 */
function secretMark(value: unknown, path: string): string {
  return markOf("hidden", typeof value === "string" ? value : (JSON.stringify(value) ?? ""), path);
}

function markOf(why: string, text: string, path: string): string {
  const digest = createHash("sha256").update(`${path}\0${text}`).digest("hex");
  return `(${why}, sha256 ${digest.slice(0, 8)}, ${Buffer.byteLength(text)} bytes)`;
}

function pathBelow(path: string, name: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}

/** Items by what names them, so that one that is put in front does not change all that follow; by number where names are missing or are not unique. */
function itemsOf(items: readonly unknown[]): readonly (readonly [key: string, item: unknown])[] {
  for (const name of ["name", "containerPort", "port", "key", "ip"]) {
    const keys = items.map((item) => nameOf(item, name));
    if (keys.every((key) => key !== undefined) && new Set(keys).size === items.length)
      return items.map((item, at) => [keys[at] ?? "", item] as const);
  }
  return items.map((item, at) => [String(at), item] as const);
}

function nameOf(item: unknown, field: string): string | undefined {
  const value = isFields(item) ? item[field] : undefined;
  if (typeof value === "number") return `${field}=${value}`;
  return typeof value === "string" && /^[\w./:-]{1,253}$/.test(value) ? value : undefined;
}
