import type { ToolArguments } from "@parley/protocol";
import { isRecord } from "./document-references.ts";
import type { Body, Operation, Parameter } from "./operations.ts";

/** What would be sent, without credentials. */
export interface HttpRequest {
  /** In capital letters. */
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type BuiltRequest = { readonly request: HttpRequest } | { readonly problem: string };

/** A person has to be able to read it, and a service to take it. */
const MAX_BODY_BYTES = 256 * 1024;
const MAX_URL_CHARS = 8_000;

/** The sentence for the model. */
class ArgumentError extends Error {}

/**
 * A pure function of operation and arguments, so that what was shown is what is sent. No argument takes the request anywhere but below the operation's own path: values in the path are encoded, those that a
 * server could read as a way out are refused, and the finished address is compared with what was meant, as clients and servers write `..`, `%2e` and `\` anew.
 */
export function buildRequest(operation: Operation, base: URL, args: ToolArguments): BuiltRequest {
  try {
    return { request: build(operation, base, args) };
  } catch (error) {
    if (error instanceof ArgumentError) return { problem: error.message };
    throw error;
  }
}

function build({ method, path, parameters, body }: Operation, base: URL, args: ToolArguments): HttpRequest {
  const given = parameters.flatMap((parameter) => {
    const value = args[parameter.as];
    return value === undefined ? [] : [{ parameter, value }];
  });
  const pathname = `${base.pathname.replace(/\/+$/, "")}${path.replaceAll(/\{([^{}]*)\}/g, (_, name: string) => {
    const found = given.find(({ parameter }) => parameter.in === "path" && parameter.name === name);
    return found === undefined ? refuse(`${name} is missing`) : inPath(name, found.value);
  })}`;
  const query = given.flatMap(({ parameter, value }) => (parameter.in === "query" ? inQuery(parameter, value) : []));
  const own = given.flatMap(({ parameter, value }) =>
    parameter.in === "header" ? [[parameter.name, inHeader(parameter.name, value)] as const] : [],
  );
  const sent = body === undefined || args["body"] === undefined ? undefined : bodyText(body, args["body"]);
  return {
    method: method.toUpperCase(),
    url: addressOf(base, pathname, query),
    headers: {
      ...Object.fromEntries<string>(own),
      accept: "application/json, text/*;q=0.9",
      ...(sent !== undefined && body !== undefined ? { "content-type": body.contentType } : {}),
    },
    ...(sent === undefined ? {} : { body: sent }),
  };
}

function refuse(problem: string): never {
  throw new ArgumentError(problem);
}

function addressOf(base: URL, pathname: string, query: readonly string[]): URL {
  const search = query.length === 0 ? "" : `?${query.join("&")}`;
  const text = `${base.origin}${pathname}${search}`;
  if (text.length > MAX_URL_CHARS) refuse("the address would be too long");
  const url = URL.canParse(text) ? new URL(text) : refuse("the address would not be one");
  const meant = new URL("http://_/");
  // Letters that a document has unencoded in its paths are encoded; nothing else may change.
  meant.pathname = pathname;
  const isSame = url.pathname === meant.pathname && meant.pathname.split("/").length === pathname.split("/").length;
  if (url.origin !== base.origin || !isSame || url.hash !== "" || url.search !== search)
    refuse("the address would be another one");
  return url;
}

/** What a server makes of it when it decodes once too often. */
const DECODINGS = 3;

function inPath(name: string, value: unknown): string {
  const text = Array.isArray(value) ? value.map((one) => textOf(name, one)).join(",") : textOf(name, value);
  let read = text;
  for (let times = 0; times < DECODINGS; times++) {
    if (isWayOut(read)) refuse(`${name} must be a name, not a path that leads elsewhere`);
    read = decoded(read);
  }
  return encodeURIComponent(text);
}

/** Empty, `.`, `..` and control characters, also as a part of it: servers take these out, and `a//b` is read as `a/b`, or as a host. */
function isWayOut(text: string): boolean {
  return /\p{Cc}/u.test(text) || text.split(/[/\\]/).some((part) => /^\.{0,2}(?:;.*)?$/.test(part));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function textOf(name: string, value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value !== "string") return refuse(`${name} must be a text, a number, true or false`);
  return value.isWellFormed() ? value : refuse(`${name} has half a character in it`);
}

function inQuery({ name, style }: Parameter, value: unknown): string[] {
  const pair = (key: string, text: string): string => `${encodeForQuery(key)}=${encodeForQuery(text)}`;
  if (style === "json") return [pair(name, jsonOf(name, value))];
  if (style === "joined") {
    const parts = isRecord(value) ? Object.entries(value).flat() : [value].flat();
    return [`${encodeForQuery(name)}=${parts.map((one) => encodeForQuery(textOf(name, one))).join(",")}`];
  }
  if (!isRecord(value)) return [value].flat().map((one) => pair(name, textOf(name, one)));
  return Object.entries(value).map(([key, one]) => pair(style === "deep" ? `${name}[${key}]` : key, textOf(name, one)));
}

/** As `encodeURIComponent`, and what addresses themselves would encode. */
function encodeForQuery(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll("'", "%27");
}

function jsonOf(name: string, value: unknown): string {
  const text = JSON.stringify(value);
  return text.isWellFormed() ? text : refuse(`${name} has half a character in it`);
}

function inHeader(name: string, value: unknown): string {
  const text = [value]
    .flat()
    .map((one) => textOf(name, one))
    .join(",");
  return /^[\x20-\x7e]*$/.test(text) ? text : refuse(`${name} must be plain letters, digits and signs`);
}

function bodyText({ kind }: Body, value: unknown): string {
  const text = written(kind, value);
  return Buffer.byteLength(text) > MAX_BODY_BYTES ? refuse(`the body is larger than ${MAX_BODY_BYTES} bytes`) : text;
}

function written(kind: Body["kind"], value: unknown): string {
  if (kind === "text") return textOf("body", value);
  if (kind === "json") return jsonOf("body", value);
  if (!isRecord(value)) return refuse("body must be an object");
  const fields = Object.entries(value).flatMap(([name, one]) =>
    [one].flat().map((each): [string, string] => [name, isRecord(each) ? jsonOf(name, each) : textOf(name, each)]),
  );
  return new URLSearchParams(fields).toString();
}
