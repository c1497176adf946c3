import { ErrorCode, errorTable } from "@parley/protocol";
import { z } from "zod";
import type { Access } from "../admission/admit.ts";
import { ErrorAnswer } from "./answers.ts";
import { parameterNames, type ResponseSpec, type Route } from "./route.ts";

type Direction = "input" | "output";
type Schema = z.core.JSONSchema.BaseSchema;

const errorRef = "#/components/schemas/Error";

/** The OpenAPI 3.1 document of the routes, from the schemas that check the requests and type the answers. */
export function openApiDocument(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Parley",
      version,
      description: "Chat with agents. The WebSocket endpoints are described in the protocol's page.",
    },
    paths,
    components: {
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: "An access token (JWT), or an API key (`parley_…`).",
        },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "__Host-parley_session",
          description:
            "The cookie of a sign-in, for pages of the edge itself; `parley_session` without TLS on this machine. What changes something has to say that it comes from such a page (`Origin`, `Sec-Fetch-Site`).",
        },
      },
      schemas: { Error: schemaOf(ErrorAnswer, "output") },
    },
  };
}

function operationOf(route: Route): object {
  const body = route.hasBody || route.isStreamed === true ? { requestBody: requestBodyOf(route) } : {};
  return {
    summary: route.summary,
    security: securityOf(route.access),
    parameters: parametersOf(route),
    ...body,
    responses: {
      ...Object.fromEntries(Object.entries(route.responses).map(([status, spec]) => [status, responseOf(spec)])),
      default: {
        description: "What went wrong. The status is that of the code.",
        content: { "application/json": { schema: { $ref: errorRef } } },
      },
    },
  };
}

const ways = [{ token: [] }, { session: [] }];

/** An empty requirement: no token is needed. */
function securityOf(access: Access): object[] {
  if (access === "anybody") return [{}];
  return access === "user" ? ways : [...ways, {}];
}

function parametersOf(route: Route): object[] {
  const { params, query, headers = {} } = route;
  const path = parameterNames(route).map((name) => ({
    name,
    in: "path",
    required: true,
    schema: fieldOf(params, name),
  }));
  const inQuery = Object.keys(query.shape).map((name) => ({ name, in: "query", schema: fieldOf(query, name) }));
  const inHeader = Object.entries(headers).map(([name, description]) => {
    return { name, in: "header", description, schema: { type: "string" } };
  });
  return [...path, ...inQuery, ...inHeader];
}

function fieldOf(schema: z.ZodObject, name: string): unknown {
  return schemaOf(schema, "input").properties?.[name] ?? {};
}

function requestBodyOf({ body, isForm, isStreamed }: Route): object {
  if (isStreamed === true) return { content: { "*/*": { schema: { type: "string", format: "binary" } } } };
  const type = isForm === true ? "multipart/form-data" : "application/json";
  return { required: true, content: { [type]: { schema: schemaOf(body, "input") } } };
}

function responseOf({ description, content, events, lines }: ResponseSpec): object {
  if (lines !== undefined)
    return { description, content: { "application/x-ndjson": { schema: schemaOf(lines, "output") } } };
  if (content === undefined) return { description };
  const stream = {
    schema: events === undefined ? {} : schemaOf(events, "output"),
    description: "Server-sent events; the schema is that of each event's `data`, its `event` is the `type`.",
  };
  return {
    description,
    content: {
      "application/json": { schema: schemaOf(content, "output") },
      ...(events === undefined ? {} : { "text/event-stream": stream }),
    },
  };
}

function schemaOf(schema: z.ZodType, io: Direction): Schema {
  const { $schema: _dialect, ...made } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      if (zodSchema === ErrorCode) Object.assign(jsonSchema, { type: "string", enum: Object.keys(errorTable) });
    },
  });
  return made;
}
