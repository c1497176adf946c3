import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { type Logger, sleep } from "@parley/runtime";
import type { ApiReply } from "./api/request.ts";
import { ApiStatus, statusBody } from "./api-status.ts";
import type { Fault } from "./faults.ts";

const PIECES_PER_SECOND = 10;

type Streamed = Extract<ApiReply, { stream: unknown }>;

/** How an answer is sent: what stands beside it, and what a fault does to it. */
export type Sending = { warnings: readonly string[]; fault: Fault | undefined; signal: AbortSignal };

export function refusalOf(error: unknown, log: Logger): ApiReply {
  if (error instanceof ApiStatus) return { status: error.code, json: statusBody(error) };
  log.error({ err: error }, "a request failed");
  return { status: 500, json: statusBody(new ApiStatus(500, "InternalError", "the simulated cluster failed")) };
}

export async function send(res: ServerResponse, reply: ApiReply, sending: Sending): Promise<void> {
  if ("stream" in reply) return sendStream(res, reply, sending);
  const [type, body] =
    "text" in reply
      ? ["text/plain; charset=utf-8", reply.text]
      : [reply.contentType ?? "application/json", JSON.stringify(reply.json)];
  const { fault, warnings } = sending;
  const headers: OutgoingHttpHeaders = {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    ...retryAfter(reply.status, fault),
  };
  if (warnings.length > 0)
    res.setHeader(
      "warning",
      warnings.map((text) => `299 - ${JSON.stringify(text)}`),
    );
  res.writeHead(reply.status, headers);
  await sendBody(res, Buffer.from(body, "utf8"), sending);
}

/** Clients wait before they come back, as an API server under load asks of them. */
function retryAfter(status: number, fault: Fault | undefined): Record<string, string> {
  return status === 429 || status === 503 ? { "retry-after": String(fault?.retry_after_s ?? 1) } : {};
}

async function sendBody(res: ServerResponse, bytes: Buffer, { fault, signal }: Sending): Promise<void> {
  const cut = fault?.cut_after_bytes;
  const whole = cut === undefined ? bytes : bytes.subarray(0, cut);
  const rate = fault?.bytes_per_second;
  if (rate !== undefined) {
    const piece = Math.max(1, Math.ceil(rate / PIECES_PER_SECOND));
    for (let sent = 0; sent < whole.length && !res.destroyed; sent += piece) {
      res.write(whole.subarray(sent, sent + piece));
      await sleep(1_000 / PIECES_PER_SECOND, signal);
    }
  } else if (cut !== undefined) await new Promise<void>((resolve) => res.write(whole, () => resolve()));
  if (cut !== undefined) res.destroy();
  else res.end(rate === undefined ? whole : undefined);
}

async function sendStream(res: ServerResponse, reply: Streamed, { fault, signal }: Sending): Promise<void> {
  const gone = new AbortController();
  res.once("close", () => gone.abort());
  res.writeHead(200, { "content-type": reply.contentType, "transfer-encoding": "chunked" });
  res.flushHeaders();
  let left = fault?.cut_after_bytes ?? Number.POSITIVE_INFINITY;
  const write = (text: string): void => {
    const bytes = Buffer.from(text, "utf8");
    if (left <= 0 || res.destroyed) return;
    res.write(bytes.subarray(0, Math.min(bytes.length, left)), () => left <= 0 && res.destroy());
    left -= bytes.length;
  };
  await reply.stream(write, AbortSignal.any([gone.signal, signal]));
  res.end();
}
