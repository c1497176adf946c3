import { createHash } from "node:crypto";
import {
  cacheCursor,
  createDurableStreamDialect,
  offsetOf,
  placeOfOffset,
  streamBody,
  type StreamPlace,
} from "@parley/dialects";
import { ChatError, ConversationId } from "@parley/protocol";
import { z } from "zod";
import type { Facade, FacadeDeps } from "../../transport/facade.ts";
import { chatErrorReply, type Reply } from "../../transport/reply.ts";
import { Knowing, knowsUnknownStatus } from "../../transport/request-fields.ts";
import { defineRoute, nothing, type Call, type Route } from "../../transport/route.ts";
import { createStreamReading, type Extent, type StreamPage, type StreamReading } from "./reading.ts";

/** The read side of Durable Streams: PROTOCOL.md of github.com/durable-streams/durable-streams, 5.5 to 5.8 and 8 to 10. */
export const createDurableStreamsRoutes: Facade = (deps) => [streamRoute(deps)];

/** As the protocol asks of servers, for caches that let readers share a connection. */
const sseLastsMs = 60_000;
/** Under what proxies take for a dead request. */
const longPollMs = 20_000;

const Query = z.object({
  offset: z
    .string()
    .max(64)
    .optional()
    .describe(
      "Where to read from: `-1` (default) the beginning of what is kept, `now` the end, or an offset that came from here.",
    ),
  live: z.enum(["long-poll", "sse"]).optional().describe("Wait for what comes. Absent: what there is now."),
  cursor: z.string().max(64).optional().describe("The `Stream-Cursor` of the answer before."),
  ...Knowing.shape,
});
type Query = z.output<typeof Query>;

function streamRoute(deps: FacadeDeps): Route {
  const reading = createStreamReading(deps);
  return defineRoute({
    method: "get",
    path: "/v1/conversations/:id/stream",
    summary: "A conversation as a durable stream of its events, to be read from any place.",
    access: "user or developer",
    reads: ["if-none-match"],
    params: z.object({ id: ConversationId }),
    query: Query,
    body: nothing,
    responses: {
      200: { description: "Messages from the offset on.", content: z.array(z.looseObject({ type: z.string() })) },
      204: { description: "Nothing came while it was waited for." },
    },
    async handle(call, { params: { id }, query }) {
      const place = placeOf(call, query);
      await deps.ownership.check(id, call.caller, "conversation:read");
      const extent = await reading.extentOf(id);
      if (call.exchange.method === "HEAD") return headReply(extent);
      const start = await reading.startOf(extent, place);
      if (start === "gone") return goneReply();
      const read = { call, extent, start, query, isNow: place === "now" };
      if (query.live === "sse") return streamed(deps, read);
      return query.live === "long-poll" ? polled(deps, reading, read) : caughtUp(reading, read);
    },
  });
}

interface Read {
  readonly call: Call;
  readonly extent: Extent;
  /** A cursor. */
  readonly start: number | "snapshot";
  readonly query: Query;
  readonly isNow: boolean;
}

/** Throws INVALID_FRAME. */
function placeOf({ exchange }: Call, { offset, live }: Query): StreamPlace {
  if (exchange.query.getAll("offset").length > 1) throw badOffset("There may be one offset.");
  if (offset === undefined && live !== undefined)
    throw badOffset("A live read needs an offset: -1, now, or one that came from here.");
  const place = placeOfOffset(offset ?? "-1");
  if (place === undefined) throw badOffset("That is no offset: -1, now, or one that came from here.");
  return place;
}

function badOffset(message: string): ChatError {
  return new ChatError("INVALID_FRAME", { message });
}

const json = "application/json";
/** Pages of other sites get it by asking as the browser lets them, never as a script or an image. */
const guarded = { "cross-origin-resource-policy": "same-origin" };
/** Whose it is, is checked each time; what has not changed is not sent again. */
const checked = { "cache-control": "private, no-cache" };
const unkept = { "cache-control": "no-store" };

function headReply({ tail }: Extent): Reply {
  const headers = { "content-type": json, "stream-next-offset": offsetOf(tail), ...unkept, ...guarded };
  return { status: 200, headers, body: "" };
}

/** What stands between is no longer kept: only a snapshot says it. */
function goneReply(): Reply {
  const message =
    "This offset is older than what is kept, or is of another stream: read from the beginning, with offset=-1.";
  const reply = chatErrorReply(new ChatError("NOT_FOUND", { message }), {}, 410);
  return { ...reply, headers: { ...reply.headers, ...guarded } };
}

function pageHeaders({ next, isUpToDate }: StreamPage): Record<string, string> {
  const upToDate: Record<string, string> = isUpToDate ? { "stream-up-to-date": "true" } : {};
  return { "content-type": json, "stream-next-offset": offsetOf(next), ...upToDate, ...guarded };
}

function newCursor({ cursor }: Query): string {
  return cacheCursor(cursor, Date.now(), Math.random());
}

async function pageFrom(reading: StreamReading, { call, extent, start, query }: Read): Promise<StreamPage> {
  const isKnowing = knowsUnknownStatus(query);
  return start === "snapshot"
    ? reading.snapshot(call, extent, isKnowing)
    : reading.behind(call, extent, start, isKnowing);
}

async function caughtUp(reading: StreamReading, read: Read): Promise<Reply> {
  if (read.isNow) {
    const page = { messages: [], next: read.extent.tail, isUpToDate: true };
    return { status: 200, headers: { ...pageHeaders(page), ...unkept }, body: "[]" };
  }
  return pageReply(read, await pageFrom(reading, read), {});
}

function pageReply(read: Read, page: StreamPage, more: Readonly<Record<string, string>>): Reply {
  const etag = tagOf(read, page);
  const headers = { ...pageHeaders(page), ...checked, etag, ...more };
  if (read.call.exchange.header("if-none-match") === etag) return { status: 304, headers, body: "" };
  return { status: 200, headers, body: streamBody(page.messages) };
}

/** The same place and end are the same messages. */
function tagOf({ extent, start, query }: Read, { next, isUpToDate, messages }: StreamPage): string {
  const stream = createHash("sha256").update(extent.conversation).digest("base64url").slice(0, 16);
  const from = start === "snapshot" ? start : offsetOf(start);
  const how = `${isUpToDate ? "" : "p"}${knowsUnknownStatus(query) ? "k" : ""}${messages.length}`;
  return `"${stream}:${from}:${offsetOf(next)}:${how}"`;
}

async function polled({ conversationStreams }: FacadeDeps, reading: StreamReading, read: Read): Promise<Reply> {
  const { call, extent, start, query } = read;
  const cursor = { "stream-cursor": newCursor(query) };
  const page = await pageFrom(reading, read);
  if (page.messages.length > 0 || start === "snapshot") return pageReply(read, page, cursor);
  const seen = await conversationStreams.first(
    call,
    { conversation: extent.conversation, after: page.next },
    longPollMs,
  );
  if (seen !== undefined) {
    const now = { ...read, extent: await reading.extentOf(extent.conversation), start: page.next };
    const news = await pageFrom(reading, now);
    if (news.messages.length > 0) return pageReply(now, news, cursor);
  }
  return { status: 204, headers: { ...pageHeaders(page), ...unkept, ...cursor }, body: "" };
}

function streamed({ conversationStreams }: FacadeDeps, { call, extent, start, query }: Read): Promise<undefined> {
  const after = start === "snapshot" ? undefined : start;
  const { conversation, tail } = extent;
  const about = { after, tail, streamCursor: newCursor(query), isKnowing: knowsUnknownStatus(query) };
  return conversationStreams.stream(
    call,
    { conversation, after },
    {
      dialectOf: ({ onEnd }) => createDurableStreamDialect({ ...about, onEnd }),
      headers: { "content-type": "text/event-stream", "cache-control": "no-cache, no-store", ...guarded },
      lastsMs: sseLastsMs,
    },
  );
}
