import { ChatError, problemOf, type Caller } from "@parley/protocol";
import { z } from "zod";
import type { Access } from "../admission/admit.ts";
import type { Exchange } from "./exchange.ts";
import type { Reply } from "./reply.ts";

export type Method = "get" | "post" | "put" | "patch" | "delete";

export interface ResponseSpec {
  readonly description: string;
  /** Absent: there is no body. */
  readonly content?: z.ZodType;
  /** The events of a stream, when one is asked for. */
  readonly events?: z.ZodType;
  /** Each line of a long answer. */
  readonly lines?: z.ZodType;
}

interface Description {
  readonly method: Method;
  /** `:name` is a parameter. */
  readonly path: string;
  /** In one sentence. */
  readonly summary: string;
  readonly access: Access;
  /** Also a body that does not say that it is JSON: for people with curl, where a foreign page could do no harm. */
  readonly takesAnyType?: boolean;
  /** The body is a form with files (`multipart/form-data`) and not JSON. */
  readonly isForm?: true;
  /** The body is bytes that its handler reads as they come: `exchange.stream`. */
  readonly isStreamed?: true;
  /** What OPTIONS says of its path, beside what browsers ask. */
  readonly optionHeaders?: Readonly<Record<string, string>>;
  /** How large a body may be. Default: as a frame of a socket. The routes that take more check the size of each message in it themselves. */
  readonly maxBodyBytes?: number;
  /** Headers that it reads beyond those that all read. */
  readonly reads?: readonly string[];
  /** The answer to what goes wrong, where its clients read errors of another form. */
  readonly refuse?: (error: ChatError, exchange: Exchange) => Reply;
  /** What begins so and is the address of nothing is refused as this route refuses: `/v1/`. */
  readonly ownsBelow?: string;
  /** Request headers beyond the usual ones: name and what it does. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Successful answers. What goes wrong is answered the same everywhere. */
  readonly responses: Readonly<Record<number, ResponseSpec>>;
}

export interface Call {
  readonly caller: Caller;
  readonly exchange: Exchange;
  /** Throws when the caller may not any more: for what takes long. Of a call that came by the table. */
  readonly recheck?: () => void;
}

interface Input<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  readonly params: z.output<P>;
  readonly query: z.output<Q>;
  readonly body: z.output<B>;
  /** The body as it came; empty where there is none. */
  readonly bytes: Uint8Array;
}

export interface RouteSpec<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodObject> extends Description {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Undefined: it has answered itself, or will. What it throws becomes the answer. */
  readonly handle: (call: Call, input: Input<P, Q, B>) => Promise<Reply | undefined>;
}

export interface RawInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly bytes: Uint8Array;
}

/** One endpoint: what it takes, what it answers, and who does it. Routing and the document are both made from it. */
export interface Route extends Description {
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly body: z.ZodObject;
  readonly hasBody: boolean;
  readonly answer: (call: Call, raw: RawInput) => Promise<Reply | undefined>;
}

/** Stands for parameters, a query or a body that an endpoint does not have. */
export const nothing = z.object({});

/** A field of a body, unless it is null: so clients write what they do not have. */
export function given<Name extends string, T>(name: Name, value: T | null | undefined): Partial<Record<Name, T>> {
  const entry: Partial<Record<Name, T>> = {};
  if (value !== null && value !== undefined) entry[name] = value;
  return entry;
}

export function defineRoute<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodObject>(
  spec: RouteSpec<P, Q, B>,
): Route {
  const { params, query, body, handle } = spec;
  return {
    ...spec,
    hasBody: Object.keys(body.shape).length > 0,
    answer: (call, raw) =>
      handle(call, {
        params: parse(params, raw.params, "the address"),
        query: parse(query, raw.query, "the query"),
        body: parse(body, raw.body, "the body"),
        bytes: raw.bytes,
      }),
  };
}

function parse<T extends z.ZodType>(schema: T, value: unknown, whole: string): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problem = problemOf(parsed.error, value, whole);
  throw new ChatError("INVALID_FRAME", { message: `The request is not valid: ${problem}.`, cause: parsed.error });
}

/** The names of the parameters of a path, in their order. */
export function parameterNames({ path }: Pick<Route, "path">): string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);
}
