import { z } from "zod";
import { ToolError } from "../tools/tool.ts";
import type { KubeApi, ResourceKind } from "./kube-api.ts";
import { parsedAs } from "./object-list.ts";
import { plainNames } from "./shape.ts";

const Paths = z.object({ paths: z.record(z.string(), z.object({ serverRelativeURL: z.string() })) });

/** Of OpenAPI v3, as API servers write it. */
const Schema = z.object({
  description: z.string().optional(),
  type: z.string().optional(),
  format: z.string().optional(),
  $ref: z.string().optional(),
  allOf: z.array(z.unknown()).optional(),
  items: z.unknown().optional(),
  additionalProperties: z.unknown().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  enum: z.array(z.unknown()).optional(),
  "x-kubernetes-int-or-string": z.boolean().optional(),
  "x-kubernetes-preserve-unknown-fields": z.boolean().optional(),
  "x-kubernetes-group-version-kind": z
    .array(z.object({ group: z.string(), version: z.string(), kind: z.string() }))
    .optional(),
});
type Schema = z.infer<typeof Schema>;

const Document = z.object({ components: z.object({ schemas: z.record(z.string(), z.unknown()) }) });
type Schemas = z.infer<typeof Document>["components"]["schemas"];

/** Chains of references; a document whose references go in circles ends here. */
const maxReferences = 10;

export interface ExplainedField {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly description: string;
}

export interface Explained {
  readonly type: string;
  readonly description: string;
  readonly fields: readonly ExplainedField[];
}

/** What the cluster itself says of a kind or of a field in it. Throws a ToolError where it says nothing, and for a field that is not there. */
export async function explainKind(
  api: KubeApi,
  kind: ResourceKind,
  fieldPath: readonly string[],
  signal: AbortSignal,
): Promise<Explained> {
  const schemas = await readSchemas(api, kind, signal);
  const root = Object.values(schemas).find((one) => isOfKind(one, kind));
  if (root === undefined) throw new ToolError(`The cluster does not describe the kind ${kind.kind}.`);
  return explained(schemas, fieldAt(schemas, root, fieldPath));
}

async function readSchemas(
  api: KubeApi,
  { group, version, kind }: ResourceKind,
  signal: AbortSignal,
): Promise<Schemas> {
  const asked = { what: `the description of the kind ${kind}` };
  const { paths } = parsedAs(Paths, await api.json({ path: "/openapi/v3", asked, signal }));
  const place = paths[group === "" ? `api/${version}` : `apis/${group}/${version}`];
  if (place === undefined) throw new ToolError(`The cluster does not describe the kind ${kind}.`);
  const [path = "", query = ""] = place.serverRelativeURL.split("?");
  // The address comes from the server, so it must stay at the server.
  if (!/^\/openapi\/v3\/(?!.*\.\.)[\w./-]+$/.test(path))
    throw new ToolError("The cluster's description of its kinds cannot be understood.");
  const answer = await api.json({ path, query: Object.fromEntries(new URLSearchParams(query)), asked, signal });
  return parsedAs(Document, answer).components.schemas;
}

function isOfKind(schema: unknown, { group, version, kind }: ResourceKind): boolean {
  const names = Schema.safeParse(schema).data?.["x-kubernetes-group-version-kind"] ?? [];
  return names.some((name) => name.group === group && name.version === version && name.kind === kind);
}

/** Follows references; the description beside a reference goes before that of what it refers to. */
function resolved(schemas: Schemas, value: unknown): Schema {
  let schema = Schema.safeParse(value).data ?? {};
  for (let depth = 0; depth < maxReferences; depth++) {
    const name = referenceOf(schema);
    if (name === undefined) return schema;
    const next = Schema.safeParse(Object.hasOwn(schemas, name) ? schemas[name] : undefined).data ?? {};
    schema = { ...next, description: schema.description || next.description };
  }
  return schema;
}

/** Name of the schema that is referred to. A reference with a description beside it is an `allOf` of one. */
function referenceOf(value: unknown): string | undefined {
  const { $ref, allOf = [] } = Schema.safeParse(value).data ?? {};
  const [only] = allOf.length === 1 ? allOf : [];
  return ($ref ?? Schema.safeParse(only).data?.$ref)?.split("/").at(-1);
}

function fieldAt(schemas: Schemas, root: unknown, fieldPath: readonly string[]): unknown {
  let current = root;
  for (const name of fieldPath) {
    const { properties = {} } = inner(schemas, current);
    if (!Object.hasOwn(properties, name)) {
      const there = plainNames(Object.keys(properties).toSorted()).join(", ");
      throw new ToolError(
        `There is no field ${JSON.stringify(name)}; there ${there === "" ? "are none" : `are ${there}`}.`,
      );
    }
    current = properties[name];
  }
  return current;
}

/** Of a list or a map what is in it. */
function inner(schemas: Schemas, value: unknown, depth = 0): Schema {
  const schema = resolved(schemas, value);
  if (depth > maxReferences) return schema;
  if (schema.type === "array") return inner(schemas, schema.items, depth + 1);
  const isMap = typeof schema.additionalProperties === "object" && schema.properties === undefined;
  return isMap ? inner(schemas, schema.additionalProperties, depth + 1) : schema;
}

function explained(schemas: Schemas, value: unknown): Explained {
  const { properties = {}, required = [], description: innerDescription = "" } = inner(schemas, value);
  const { description = innerDescription } = resolved(schemas, value);
  const fields = Object.entries(properties).map(([name, field]) => ({
    name,
    type: typeOf(schemas, field),
    isRequired: required.includes(name),
    description: resolved(schemas, field).description ?? "",
  }));
  return { type: typeOf(schemas, value), description, fields };
}

/** As kubectl says it: what a reference is to by its own name. */
function typeOf(schemas: Schemas, value: unknown, depth = 0): string {
  const schema = resolved(schemas, value);
  if (depth > maxReferences) return "object";
  if (schema["x-kubernetes-int-or-string"] === true) return "integer or string";
  if (schema.type === "array") return `[]${typeOf(schemas, schema.items, depth + 1)}`;
  if (typeof schema.additionalProperties === "object" && schema.properties === undefined)
    return `map[string]${typeOf(schemas, schema.additionalProperties, depth + 1)}`;
  return plainType(schema, value);
}

function plainType({ type = "object", enum: values }: Schema, value: unknown): string {
  if (values !== undefined) return `${type}, one of ${values.map(String).join(", ")}`.slice(0, maxTypeChars);
  return type === "object" ? (referenceOf(value)?.split(".").at(-1) ?? type) : type;
}

const maxTypeChars = 200;
