import type { ToolArguments, User } from "@parley/protocol";
import { z } from "zod";
import { toPlainText } from "../plain-text.ts";
import { readArguments } from "../tools/arguments.ts";
import type { PreparedApproval, PreparedCall, Tool } from "../tools/tool.ts";
import { withoutPatterns } from "./document-schema.ts";
import { buildRequest, type HttpRequest } from "./http-request.ts";
import type { Operation } from "./operations.ts";
import { callService, type Service } from "./service.ts";

/** An operation of a service as one of our tools. */
export interface HttpToolSpec {
  readonly name: string;
  readonly description: string;
  readonly effect: "read" | "write";
  readonly timeoutMs: number;
  readonly operation: Operation;
  readonly service: Service;
  readonly baseUrl: URL;
  /** Which header says for whom. */
  readonly userHeader: string | undefined;
  /** What a person types for the credentials: `-H "Authorization: Bearer $NAME"`. */
  readonly secretOption: string | undefined;
}

/** Changes nothing that it is given; nothing is sent before `run`. */
export function createHttpTool(spec: HttpToolSpec): Tool {
  const { name, description, effect, timeoutMs, operation } = spec;
  const parameters = parametersOf(operation);
  const schema = schemaOf(operation);
  return {
    definition: {
      ...{ name, aliases: [], description, parameters, effect, timeout_ms: timeoutMs },
      // Also of one that only reads: the policy may want somebody to agree, and agents have to listen for the question.
      approval: "required" as const,
    },
    prepare(args): PreparedCall {
      const read = readArguments(args, { schema, parameters, aliases: {} });
      if ("problem" in read) return { problem: `The arguments of ${name} are not valid: ${read.problem}` };
      const built = buildRequest(operation, spec.baseUrl, read.input);
      if ("problem" in built) return { problem: `The arguments of ${name} are not valid: ${built.problem}.` };
      return prepared(spec, built.request);
    },
  };
}

function prepared(spec: HttpToolSpec, request: HttpRequest): PreparedCall {
  const { effect, operation, service } = spec;
  const asked = `${request.method} ${request.url.pathname}`;
  return {
    ...(effect === "write" ? { approval: approvalOf(spec, request) } : {}),
    access: async () => [{ system: `http:${service.name}`, verb: operation.method, name: operation.id }],
    command: () => curlOf(spec, request),
    run: (context) => callService(service, { request: forUser(request, spec, context.user), effect, asked }, context),
  };
}

/** Names of users are anybody's text. */
function forUser(request: HttpRequest, { userHeader }: HttpToolSpec, { id }: User): HttpRequest {
  if (userHeader === undefined) return request;
  return {
    ...request,
    headers: { ...request.headers, [userHeader.toLowerCase()]: encodeURIComponent(id.toWellFormed()) },
  };
}

function approvalOf({ service, userHeader }: HttpToolSpec, request: HttpRequest): PreparedApproval {
  const { method, url, headers, body } = request;
  return {
    summary: () => `Sends ${method} ${url.pathname} to the service ${service.name}.`,
    preview: async ({ user }) => {
      const shown = {
        ...headers,
        ...(userHeader === undefined ? {} : { [userHeader]: encodeURIComponent(user.id.toWellFormed()) }),
      };
      const lines = Object.entries(shown).flatMap(([header, value]) =>
        header === "accept" ? [] : [`${header}: ${value}`],
      );
      return {
        kind: "text",
        text: [`${method} ${url.href}`, ...lines, ...(body === undefined ? [] : ["", readable(body)])].join("\n"),
      };
    },
    confirm: () => undefined,
  };
}

function readable(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), undefined, 2);
  } catch {
    // A form, or text.
    return body;
  }
}

function curlOf({ secretOption }: HttpToolSpec, { method, url, headers, body }: HttpRequest): string {
  const options = Object.entries(headers).flatMap(([header, value]) =>
    header === "accept" ? [] : [`-H ${quoted(`${header}: ${value}`)}`],
  );
  const secret = secretOption === undefined ? [] : [secretOption];
  const data = body === undefined ? [] : [`--data-raw ${quoted(body)}`];
  return ["curl", `-X ${method}`, ...secret, ...options, ...data, quoted(url.href)].join(" ");
}

function quoted(text: string): string {
  // As it will be shown: what is stripped later could take a quote with it.
  return `'${toPlainText(text).replaceAll("'", `'\\''`)}'`;
}

function parametersOf({ parameters, body }: Operation): Record<string, unknown> {
  const all = [
    ...parameters.map(({ as, schema, isRequired }) => ({ as, schema, isRequired })),
    ...(body === undefined ? [] : [{ as: "body", schema: body.schema, isRequired: body.isRequired }]),
  ];
  return {
    type: "object",
    properties: Object.fromEntries(all.map(({ as, schema }) => [as, schema])),
    required: all.flatMap(({ as, isRequired }) => (isRequired ? [as] : [])),
    additionalProperties: false,
  };
}

function schemaOf({ parameters, body }: Operation): z.ZodObject {
  const fields = parameters.map(({ as, schema, isRequired }): [string, z.ZodType] => [as, checked(schema, isRequired)]);
  if (body !== undefined) fields.push(["body", checked(body.schema, body.isRequired)]);
  return z.strictObject(Object.fromEntries(fields));
}

function checked(schema: ToolArguments, isRequired: boolean): z.ZodType {
  const type = open(schema);
  return isRequired ? type : type.optional();
}

/** What says more than can be checked is checked by the service. */
function open(schema: ToolArguments): z.ZodType {
  try {
    return z.fromJSONSchema(z.record(z.string(), z.unknown()).parse(withoutPatterns(schema)));
  } catch {
    return z.unknown();
  }
}
