import { ErrorCode, errorTable } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { z } from "zod";
import { connectRaw } from "../wire/raw-peer.ts";
import { textProblem } from "./answer-text.ts";
import type { Operation } from "./operations.ts";
import type { RequestInput } from "./request-inputs.ts";

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** How long an answer may take: the model's is there by then. */
const answerMs = 12_000;

/** Sends a request as it is and reads until the connection ends. Undefined: there was no answer; "waits": nor an end. */
export async function exchange(port: number, input: RequestInput): Promise<RawAnswer | undefined | "waits"> {
  using peer = await connectRaw(port);
  const { method, target, headers, body, isHeadOdd } = input;
  const length: (readonly [string, string])[] = body === undefined ? [] : [["content-length", String(body.length)]];
  const given = headers.some(([name]) => name === "host") ? [] : [["host", "edge"] as const];
  const lines = [...given, ["connection", "close"] as const, ...headers, ...length];
  const head = [`${method} ${target} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), "", ""];
  peer.write(Buffer.concat([Buffer.from(head.join("\r\n"), "latin1"), body ?? Buffer.alloc(0)]));
  const timeoutMs = isHeadOdd ? 500 : answerMs;
  const hasEnded = await eventually(() => peer.hasEnded(), { what: "the end", timeoutMs }).catch(() => false);
  if (peer.head() === "") return hasEnded ? undefined : "waits";
  return readAnswer(peer.head());
}

/** Without `100 Continue`, which goes before an answer. */
function readAnswer(whole: string): RawAnswer {
  const text = whole.replace(/^HTTP\/1\.1 100 [^]*?\r\n\r\n/, "");
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  return {
    status: Number(first.split(" ")[1]),
    headers,
    body: Buffer.from(text.slice(end + 4), "latin1").toString("utf8"),
  };
}

const ErrorBody = z.strictObject({
  error: z.string().min(1),
  code: ErrorCode,
  retryable: z.boolean(),
  retry_after_ms: z.number().optional(),
  conversation_id: z.string().optional(),
  turn_id: z.string().optional(),
});

/** Statuses that say more than the code's own. */
const moreStatuses: Readonly<Record<string, readonly number[]>> = { UNSUPPORTED: [405, 415, 426] };
/** The library's own answers to what is no request. */
const statusesOfLibrary = [400, 431, 505];

type Check = (operation: Operation, status: number, value: unknown) => string | undefined;

/** What is wrong with an answer, or with that there is none; undefined: nothing. */
export function answerProblem(
  answer: Awaited<ReturnType<typeof exchange>>,
  { operation, method, isHeadOdd }: RequestInput,
  check: Check,
): string | undefined {
  const isAnswered = answer !== undefined && answer !== "waits";
  if (isAnswered) return problemIn(answer, method === operation.method ? operation : undefined, check);
  if (isHeadOdd) return undefined;
  return answer === "waits" ? `no answer within ${answerMs} ms` : "the connection ended without an answer";
}

function problemIn(answer: RawAnswer, operation: Operation | undefined, check: Check): string | undefined {
  const { status, body, headers } = answer;
  if (headers.has("x-injected")) return "a header of the sender's own came back";
  const inner = textProblem(body);
  if (inner !== undefined) return inner;
  if (statusesOfLibrary.includes(status) && body.includes("<i>uWebSockets")) return undefined;
  if (headers.get("x-content-type-options") !== "nosniff") return "an answer without nosniff";
  const isJson = headers.get("content-type")?.startsWith("application/json") === true;
  return isJson && body !== "" ? jsonProblem(answer, operation, check) : undefined;
}

function jsonProblem({ status, body }: RawAnswer, operation: Operation | undefined, check: Check): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return "an answer that says it is JSON and is none";
  }
  if (status < 400) return operation === undefined ? undefined : check(operation, status, value);
  const parsed = ErrorBody.safeParse(value);
  // `/health` says that it is not well in its own words.
  if (!parsed.success) return status === 503 ? undefined : `no error as documented: ${parsed.error.message}`;
  const { code } = parsed.data;
  const allowed = [errorTable[code].status, ...(moreStatuses[code] ?? [])];
  return allowed.includes(status) ? undefined : `status ${status} with ${code}`;
}
