import { mutatedJson } from "./mutation.ts";
import { oddText } from "./odd-values.ts";
import { bodySchemaOf, type Operation } from "./operations.ts";
import { createRandom, type Random } from "./random.ts";
import { sampleOf } from "./schema-sample.ts";

/** One request as it goes over the wire. */
export interface RequestInput {
  readonly operation: Operation;
  readonly method: string;
  /** With the query. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | undefined;
  /** The head may be none: then there may be no answer, only an end. */
  readonly isHeadOdd: boolean;
}

export const requestKinds = ["bodies", "queries", "headers", "paths"] as const;
export type RequestKind = (typeof requestKinds)[number];

/** Text in an address, mostly no longer as it was meant. */
const addressTexts: readonly string[] = [
  "c_fuzz",
  "c_%66uzz",
  "%00",
  "c%00d",
  "..",
  "%2e%2e",
  "..%2f..%2fetc%2fpasswd",
  "%252e%252e",
  "%c0%ae%c0%ae",
  "%ff",
  "%ed%a0%80",
  "%",
  "%zz",
  "%u0041",
  "c_fuzz;x=1",
  "c.>",
  "*",
  "%2a",
  "a%20b",
  "%0d%0aX-Injected:%201",
  "с_fuzz",
  "c%E2%80%AE",
  "x".repeat(129),
  "x".repeat(1_500),
  "__proto__",
  "constructor",
  "-1",
  "1e309",
];

function addressText(random: Random): string {
  return random.chance(70)
    ? random.pick(addressTexts)
    : encodeURIComponent(oddText(random).toWellFormed().slice(0, 400));
}

function pathOf({ path }: Operation, random: Random, isOdd: boolean): string {
  const filled = path.replaceAll(/\{\w+\}/g, () => (isOdd ? addressText(random) : "c_fuzz"));
  if (!isOdd || random.chance(60)) return filled;
  return random.pick([
    `${filled}/`,
    `/${filled}`,
    filled.toUpperCase(),
    filled.replace("/api", "/api/./"),
    `${filled}/../..`,
    `${filled}%00`,
    `${filled}/${addressText(random)}`,
    filled.slice(0, random.below(filled.length)) || "/",
  ]);
}

function queryOf({ parameters }: Operation, random: Random, isOdd: boolean): string {
  const names = parameters.filter((parameter) => parameter.in === "query").map(({ name }) => name);
  if (!isOdd) return "";
  const known = names.length === 0 ? ["limit"] : names;
  const pairs = Array.from({ length: 1 + random.below(5) }, () => {
    const name = random.chance(80)
      ? random.pick(known)
      : random.pick(["__proto__", "constructor", "", "limit[]", "%00"]);
    return random.chance(90) ? `${name}=${addressText(random)}` : random.pick([name, "&", "=", "==&&"]);
  });
  return `?${pairs.join("&")}`;
}

const headerNames = [
  "accept",
  "origin",
  "idempotency-key",
  "last-event-id",
  "traceparent",
  "content-type",
  "authorization",
  "x-forwarded-for",
  "host",
];
const headerValues: readonly string[] = [
  "",
  "*/*",
  "text/event-stream",
  "application/json; charset=utf-7",
  "application/json;charset=",
  "multipart/form-data; boundary=x",
  "gzip",
  "https://evil.example",
  "null",
  "-1",
  "0",
  "9007199254740993",
  "1e309",
  "Bearer",
  "Bearer ",
  "Bearer a.b.c",
  `Bearer ${"x".repeat(3_000)}`,
  "Basic YTpi",
  "00-00000000000000000000000000000000-0000000000000000-00",
  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  "127.0.0.1, ::1",
  "x".repeat(2_000),
  "caf\u00e9",
  "\u00ff\u00fe",
];

/** Lines that are no headers, or that say two things at once. */
const brokenLines: readonly (readonly [string, string])[] = [
  ["content-length", "-1"],
  ["content-length", "1e3"],
  ["content-length", "99999999999999999999"],
  ["transfer-encoding", "chunked"],
  ["transfer-encoding", "gzip, chunked"],
  ["Content-Length ", "3"],
  ["x folded", "a\r\n b"],
  ["x-nul", "a\0b"],
  ["", "x"],
  ["expect", "100-continue"],
  ["upgrade", "h2c"],
];

type Headers = [string, string][];

function oddHeaders(random: Random): Headers {
  const count = random.pick([1, 1, 2, 3, 40]);
  return Array.from({ length: count }, (_, at) => {
    const name = count === 40 ? `x-${at}` : random.pick(headerNames);
    return [name, random.pick(headerValues)];
  });
}

const methods = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
  "get",
  "PROPFIND",
  "G ET",
  "",
];

function bodyOf(operation: Operation, random: Random): Buffer | undefined {
  const schema = bodySchemaOf(operation);
  if (schema === undefined) return random.chance(10) ? Buffer.from(oddText(random)) : undefined;
  // A message that is whole costs an answer of the model: few are.
  if (random.chance(8)) return random.bytes(random.below(200));
  return Buffer.from(mutatedJson(sampleOf(schema, random), random));
}

/** The input number `at` of a seed, the same whenever it is asked for with the same document. */
export function requestInput(
  kind: RequestKind,
  operations: readonly Operation[],
  token: string,
  [seed, at]: readonly [seed: number, at: number],
): RequestInput {
  const random = createRandom(`${seed} ${kind} ${at}`);
  const withBody = operations.filter((operation) => bodySchemaOf(operation) !== undefined);
  const operation = random.pick(kind === "bodies" ? withBody : operations);
  const target = pathOf(operation, random, kind === "paths") + queryOf(operation, random, kind === "queries");
  const body = kind === "bodies" ? bodyOf(operation, random) : undefined;
  const odd = kind === "headers" ? oddHeaders(random) : [];
  const isHeadOdd = kind === "headers" && random.chance(10);
  const broken = isHeadOdd ? [random.pick(brokenLines)] : [];
  const method = kind === "paths" || kind === "headers" ? methodOf(operation, random) : operation.method;
  const usual: Headers = [
    ["authorization", `Bearer ${token}`],
    ["content-type", random.chance(90) ? "application/json" : random.pick(headerValues)],
  ];
  const names = odd.map(([name]) => name);
  const headers = [...usual.filter(([name]) => !names.includes(name)), ...odd, ...broken];
  return { operation, method, target, headers, body, isHeadOdd: isHeadOdd || method.includes(" ") || method === "" };
}

function methodOf({ method }: Operation, random: Random): string {
  return random.chance(60) ? method : random.pick(methods);
}
