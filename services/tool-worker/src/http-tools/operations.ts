import { z } from "zod";
import { createResolver, type Json } from "./document-references.ts";
import { shortText, standaloneSchema } from "./document-schema.ts";

export const methods = ["get", "head", "options", "post", "put", "patch", "delete"] as const;
export type Method = (typeof methods)[number];

/** Where a parameter goes. */
export interface Parameter {
  /** As the service knows it. */
  readonly name: string;
  /** As the model does. */
  readonly as: string;
  readonly in: "path" | "query" | "header";
  readonly isRequired: boolean;
  /** `json`: its text is JSON; `deep`: `name[key]=value`; `form`: repeated for each value; `joined`: with commas. */
  readonly style: "form" | "joined" | "deep" | "json";
  readonly schema: Json;
}

export interface Body {
  readonly contentType: string;
  readonly kind: "json" | "form" | "text";
  readonly isRequired: boolean;
  readonly schema: Json;
}

/** One operation of a document, by itself. */
export interface Operation {
  readonly id: string;
  readonly method: Method;
  /** With `{names}` of parameters. */
  readonly path: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly body?: Body;
}

export type FoundOperation = { readonly operation: Operation } | { readonly problem: string };

const Document = z.looseObject({
  openapi: z.string().regex(/^3\.[01]\./, "must begin with 3.0 or 3.1: older documents can be converted"),
  paths: z.record(z.string(), z.unknown()).default({}),
});
type Document = z.output<typeof Document>;

const RawParameter = z.object({
  name: z.string().min(1).max(128),
  in: z.enum(["path", "query", "header", "cookie"]),
  required: z.boolean().default(false),
  style: z.string().optional(),
  explode: z.boolean().optional(),
  description: z.string().optional(),
  schema: z.unknown().optional(),
  content: z.record(z.string(), z.looseObject({ schema: z.unknown().optional() })).optional(),
});
type RawParameter = z.output<typeof RawParameter>;

const RawBody = z.looseObject({
  required: z.boolean().default(false),
  content: z.record(z.string(), z.looseObject({ schema: z.unknown().optional() })).default({}),
});

/** A document, of which single operations are read when they are chosen: most of a large one is never looked at. */
export const OpenApiDocument = Document.transform((document) => ({
  /** By operationId, or as `GET /path`. */
  find: (chosen: string): FoundOperation => {
    const place = placeOf(document, chosen);
    if (place === undefined) return { problem: "is not in the document" };
    try {
      return { operation: operationOf(document, place, chosen) };
    } catch (error) {
      if (error instanceof UnusableError) return { problem: error.message };
      throw error;
    }
  },
}));

/** The operation says something that cannot be done. */
class UnusableError extends Error {}

interface Place {
  readonly path: string;
  readonly method: Method;
  readonly item: Json;
  readonly raw: Json;
}

function placeOf(document: Document, chosen: string): Place | undefined {
  const resolve = createResolver(document);
  for (const [path, value] of Object.entries(document.paths)) {
    const item = resolve(value);
    for (const method of methods) {
      const raw = item === undefined ? undefined : resolve(item[method]);
      if (item === undefined || raw === undefined) continue;
      if (raw["operationId"] === chosen || chosen === `${method.toUpperCase()} ${path}`)
        return { path, method, item, raw };
    }
  }
  return undefined;
}

function operationOf(document: Document, { path, method, item, raw }: Place, chosen: string): Operation {
  const resolve = createResolver(document);
  if (!/^\/[^?#\\\s]*$/.test(path) || path.split("/").some((part) => part === "." || part === ".."))
    throw new UnusableError(`has the path ${JSON.stringify(path)}, which is not one below the address`);
  const said = [raw["summary"], raw["description"]].filter((text) => typeof text === "string" && text !== "");
  const parameters = parametersOf([...listOf(item["parameters"]), ...listOf(raw["parameters"])], resolve);
  for (const name of namesIn(path))
    if (!parameters.some((one) => one.in === "path" && one.name === name))
      throw new UnusableError(`does not say what {${name}} in its path is`);
  const body = raw["requestBody"] === undefined ? undefined : bodyOf(raw["requestBody"], resolve);
  if (body !== undefined && parameters.some((one) => one.as === "body"))
    throw new UnusableError("has a body and a parameter of that name");
  return {
    id: typeof raw["operationId"] === "string" ? raw["operationId"] : chosen,
    ...{ method, path, description: shortText(said.join(". ")), parameters },
    ...(body && { body }),
  };
}

function namesIn(path: string): string[] {
  return [...path.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name ?? "");
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

type Resolve = ReturnType<typeof createResolver>;

/** What is said at the operation goes before what is said at its path. Headers that are about the request itself are no parameters. */
function parametersOf(values: readonly unknown[], resolve: Resolve): Parameter[] {
  const byPlace = new Map<string, RawParameter>();
  for (const value of values) {
    const { success, data } = RawParameter.safeParse(resolve(value));
    if (!success) throw new UnusableError("has a parameter that cannot be read");
    byPlace.set(`${data.in} ${data.name}`, data);
  }
  const known = new Set<string>();
  return [...byPlace.values()].flatMap((raw) => {
    if (raw.in === "cookie" || (raw.in === "header" && reserved.has(raw.name.toLowerCase()))) {
      if (raw.required && raw.in === "cookie") throw new UnusableError(`needs the cookie ${raw.name}`);
      return [];
    }
    const parameter = parameterOf({ ...raw, in: raw.in }, resolve, known);
    known.add(parameter.as);
    return [parameter];
  });
}

/** Of the connection, of ours, or of what the credentials say. */
const reserved = new Set([
  ...["accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "cookie", "expect"],
  ...["host", "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"],
]);

type PlacedParameter = Omit<RawParameter, "in"> & Pick<Parameter, "in">;

function parameterOf(raw: PlacedParameter, resolve: Resolve, known: ReadonlySet<string>): Parameter {
  const { name, description, content } = raw;
  if (raw.in === "header" && !/^[A-Za-z0-9-]{1,64}$/.test(name))
    throw new UnusableError(`has the header ${JSON.stringify(name)}, which is none`);
  const [json] = Object.values(content ?? {});
  const schema = standaloneSchema(json === undefined ? raw.schema : json.schema, resolve);
  const plain = name.replaceAll(/[^A-Za-z0-9_.-]+/g, "_").slice(0, 60);
  const as = known.has(plain) ? `${plain}_${raw.in}` : plain;
  if (known.has(as)) throw new UnusableError(`has two parameters ${JSON.stringify(name)}`);
  const described = description === undefined ? {} : { description: shortText(description) };
  const style = json === undefined ? styleOf(raw) : "json";
  return {
    name,
    as,
    in: raw.in,
    isRequired: raw.required || raw.in === "path",
    style,
    schema: { ...schema, ...described },
  };
}

function styleOf({ name, style, explode, in: place }: PlacedParameter): Parameter["style"] {
  if (place !== "query") {
    if (style !== undefined && style !== "simple")
      throw new UnusableError(`has the parameter ${name} in the style ${style}: it must be simple`);
    return "joined";
  }
  if (style === "deepObject") return "deep";
  if (style !== undefined && style !== "form")
    throw new UnusableError(`has the parameter ${name} in the style ${style}: it must be form or deepObject`);
  return explode === false ? "joined" : "form";
}

function bodyOf(value: unknown, resolve: Resolve): Body {
  const { success, data } = RawBody.safeParse(resolve(value));
  if (!success) throw new UnusableError("has a body that cannot be read");
  const types = Object.entries(data.content).map(([contentType, { schema }]) => ({ contentType, schema }));
  const kinds = [
    ["json", /^application\/(?:[\w.+-]*\+)?json\b/i],
    ["form", /^application\/x-www-form-urlencoded\b/i],
    ["text", /^text\/plain\b/i],
  ] as const;
  for (const [kind, pattern] of kinds) {
    const found = types.find(({ contentType }) => pattern.test(contentType));
    if (found === undefined) continue;
    const schema = standaloneSchema(found.schema, resolve);
    return { contentType: found.contentType, kind, isRequired: data.required, schema };
  }
  throw new UnusableError("has a body that is neither JSON nor a form nor text");
}
