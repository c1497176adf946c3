import type { BrokerLink } from "@parley/bus";
import { z } from "zod";

type Connection = BrokerLink["nc"];

const askTimeoutMs = 30_000;
const streamNotFound = 10_059;

/** What the broker says of a stream's content: a restored one must say the same. */
export const StreamState = z.object({
  messages: z.number(),
  bytes: z.number(),
  first_seq: z.number(),
  last_seq: z.number(),
});
export type StreamState = z.infer<typeof StreamState>;

const ApiError = z.object({ code: z.number(), err_code: z.number(), description: z.string() });
const Failure = z.object({ error: ApiError });
const Info = z.object({
  config: z.record(z.string(), z.unknown()),
  state: z.looseObject(StreamState.shape),
  /** When the stream was made; a restored one was made when the one before it was. */
  created: z.string().optional(),
});
export type StreamInfo = z.infer<typeof Info>;

const Deletion = z.object({ success: z.boolean() });

/** The broker refused a request about a stream. */
class StreamApiError extends Error {
  readonly errCode: number;

  constructor({ err_code, description }: z.infer<typeof ApiError>, request: string) {
    super(`NATS refuses ${request}: ${description}.`);
    this.name = "StreamApiError";
    this.errCode = err_code;
  }
}

/** Asks the broker's API and parses its answer. */
export async function askApi<T extends z.ZodType>(
  nc: Connection,
  request: string,
  { schema, body }: { schema: T; body?: object },
): Promise<z.infer<T>> {
  const payload = body === undefined ? "" : JSON.stringify(body);
  const answer = await nc.request(`$JS.API.STREAM.${request}`, payload, { timeout: askTimeoutMs });
  return parseAnswer(schema, answer.string(), request);
}

/** An answer of the API, or the refusal that it is. */
export function parseAnswer<T extends z.ZodType>(schema: T, text: string, request: string): z.infer<T> {
  const value: unknown = JSON.parse(text);
  const failure = Failure.safeParse(value);
  if (failure.success) throw new StreamApiError(failure.data.error, request);
  return schema.parse(value);
}

/** Undefined: there is no such stream. */
export async function findStream(nc: Connection, stream: string): Promise<StreamInfo | undefined> {
  try {
    return await askApi(nc, `INFO.${stream}`, { schema: Info });
  } catch (error) {
    if (error instanceof StreamApiError && error.errCode === streamNotFound) return undefined;
    throw error;
  }
}

const Names = z.object({ total: z.number(), streams: z.array(z.string()).nullable() });
/** Pages of 1,024 names. */
const maxPages = 16;

/** All streams of the broker's account. */
export async function streamNames(nc: Connection): Promise<string[]> {
  const names: string[] = [];
  for (let page = 0; page < maxPages; page++) {
    const { total, streams } = await askApi(nc, "NAMES", { schema: Names, body: { offset: names.length } });
    names.push(...(streams ?? []));
    if (names.length >= total || (streams ?? []).length === 0) break;
  }
  return names;
}

export async function deleteStream(nc: Connection, stream: string): Promise<void> {
  await askApi(nc, `DELETE.${stream}`, { schema: Deletion });
}
