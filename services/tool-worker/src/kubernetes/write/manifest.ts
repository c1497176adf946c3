import {
  LineCounter,
  parseAllDocuments,
  type Document,
  type DocumentOptions,
  type ParseOptions,
  type SchemaOptions,
} from "yaml";
import { z } from "zod";
import { ToolError } from "../../tools/tool.ts";
import { Namespace, ObjectName } from "../namespace-rule.ts";
import { isFields, type Fields } from "./object-fields.ts";

/** One object of a manifest. */
export interface ManifestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** As the manifest says it. */
  readonly namespace: string | undefined;
  readonly object: Fields;
}

export const maxManifestBytes = 64 * 1024;
const MAX_OBJECTS = 20;
/** Copies that aliases may make: nine lines of YAML can stand for billions of values. */
const MAX_ALIASES = 100;
/** What the text stands for when its aliases are copied, as JSON. */
const MAX_EXPANDED_BYTES = 256 * 1024;
const MAX_DEPTH = 64;

/** As kubectl reads it: `0644` is octal and `yes` a switch, as in YAML 1.1; a time is a text. Merge keys are left to the server, which refuses them. */
const yamlOfKubernetes: ParseOptions & DocumentOptions & SchemaOptions = {
  version: "1.1",
  merge: false,
  customTags: (tags) => tags.filter((tag) => typeof tag === "object" && PLAIN_TAGS.test(tag.tag)),
};

const PLAIN_TAGS = /^tag:yaml\.org,2002:(?:map|seq|str|null|bool|int|float)$/;

const Head = z.looseObject({
  apiVersion: z
    .string({ error: "lacks its apiVersion" })
    .regex(/^(?:[a-z0-9.-]{1,253}\/)?[a-z0-9]{1,63}$/, "has an apiVersion that is none"),
  kind: z.string({ error: "lacks its kind" }).regex(/^[A-Za-z][A-Za-z0-9]{0,127}$/, "has a kind that is none"),
  metadata: z.looseObject(
    {
      name: ObjectName.optional(),
      namespace: Namespace.optional(),
    },
    { error: "lacks its metadata" },
  ),
});

/** The objects of one or more YAML documents, or of JSON, in their order; a List is what it holds. Throws a ToolError that names the line. */
export function readManifest(text: string): readonly ManifestObject[] {
  if (Buffer.byteLength(text) > maxManifestBytes)
    throw new ToolError(`The manifest is larger than ${maxManifestBytes / 1024} KB.`);
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { ...yamlOfKubernetes, lineCounter: lines, prettyErrors: false });
  const objects = documents.flatMap((document) => objectsOf(document, lines));
  if (objects.length === 0) throw new ToolError("The manifest is empty.");
  if (objects.length > MAX_OBJECTS) throw new ToolError(`The manifest has more than ${MAX_OBJECTS} objects.`);
  checkUnique(objects);
  return objects;
}

function objectsOf(document: Document.Parsed, lines: LineCounter): readonly ManifestObject[] {
  const line = lines.linePos(document.range[0]).line;
  const [fault] = document.errors;
  if (fault !== undefined)
    throw new ToolError(`The manifest cannot be read: line ${lines.linePos(fault.pos[0]).line}: ${fault.message}.`);
  const value = valueOf(document, line);
  if (value === null || value === undefined) return [];
  if (isFields(value) && value["kind"] === "List" && Array.isArray(value["items"]))
    return value["items"].map((item) => objectOf(item, line));
  return [objectOf(value, line)];
}

function valueOf(document: Document.Parsed, line: number): unknown {
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (depthOf(value) > MAX_DEPTH) throw new ToolError(`The document at line ${line} is too deep.`);
    if (Buffer.byteLength(JSON.stringify(value ?? null)) > MAX_EXPANDED_BYTES)
      throw new ToolError(`The document at line ${line} is too large once its aliases are copied.`);
    return value;
  } catch (error) {
    if (error instanceof ToolError) throw error;
    throw new ToolError(`The document at line ${line} has an alias without its anchor, too many aliases, or a circle.`);
  }
}

/** Of a value that may refer to itself: then it is deeper than any limit. */
function depthOf(value: unknown, depth = 0): number {
  if (depth > MAX_DEPTH || typeof value !== "object" || value === null) return depth;
  return Math.max(depth, ...Object.values(value).map((item) => depthOf(item, depth + 1)));
}

function objectOf(value: unknown, line: number): ManifestObject {
  if (!isFields(value)) throw new ToolError(`What stands at line ${line} is no object.`);
  const read = Head.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    const field = issue?.path.join(".") ?? "";
    throw new ToolError(
      `The object at line ${line} ${/^(lacks|has)/.test(issue?.message ?? "") ? issue?.message : `has a ${field} that is not valid`}.`,
    );
  }
  const { apiVersion, kind, metadata } = read.data;
  if (metadata.name === undefined) throw new ToolError(`The ${kind} at line ${line} lacks its metadata.name.`);
  return { apiVersion, kind, name: metadata.name, namespace: metadata.namespace, object: read.data };
}

function checkUnique(objects: readonly ManifestObject[]): void {
  const seen = new Set<string>();
  for (const { kind, namespace = "", name, apiVersion } of objects) {
    const key = JSON.stringify([apiVersion.split("/")[0], kind, namespace, name]);
    if (seen.has(key)) throw new ToolError(`The manifest has ${kind} ${name} twice.`);
    seen.add(key);
  }
}
