import { closeCodes } from "@parley/protocol";
import type { HttpResponse } from "uWebSockets.js";
import type { Sink } from "../delivery/outlet.ts";
import { closedWith } from "./answer-viewer.ts";
import type { Exchange } from "./exchange.ts";
import { createPacedWriter, type PacedWriter } from "./paced-writer.ts";
import { writeHead } from "./reply.ts";

export interface SseSink extends Sink {
  /** Ends the response once all that was sent, and what is being sent, has left. */
  finish(): void;
  /** Something that means nothing, to keep the connection. */
  beat(): void;
  /** Breaks the connection once what is being sent has left it: the client must not take what it has for a whole answer. */
  cut(): void;
}

interface SseSinkDeps {
  readonly exchange: Exchange;
  /** The client takes more again. */
  readonly onDrained: () => void;
  /** The response has ended. `isWhole`: its end was sent, and everything before it. */
  readonly onDone: (isWhole: boolean) => void;
  /** Beside those of every stream of events. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Its clients take every end for a good one: what has not said its end is cut, also where they are asked to come back. */
  readonly isWholeOrCut?: boolean;
}

/**
 *     unanswered ── the first bytes ──▶ streaming ── the end is sent ──▶ finishing ── all has left ──▶ done
 *     streaming ── what is left is no whole answer ──▶ cutting ── all has left ──▶ done
 *     any ── the client is gone, too slow ──▶ done
 */
interface Stream extends SseSinkDeps {
  readonly writer: PacedWriter;
  response: HttpResponse | undefined;
  state: "unanswered" | "streaming" | "finishing" | "cutting" | "done";
  isCorked: boolean;
}

const comment = Buffer.from(":\n\n");

export const eventStreamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  // nginx would collect the stream before it passes it on.
  "x-accel-buffering": "no",
};

/** The response of a request as a sink like a socket. */
export function createSseSink(deps: SseSinkDeps): SseSink {
  const { exchange } = deps;
  const writer = createPacedWriter();
  const stream: Stream = { ...deps, writer, response: undefined, state: "unanswered", isCorked: false };
  exchange.onGone(() => {
    stream.state = "done";
    writer.drop();
  });
  const send = (bytes: Uint8Array): number => {
    if (stream.state === "done") return 2;
    writer.add(bytes);
    flush(stream);
    return writer.isBlocked ? 0 : 1;
  };
  return {
    send,
    getBufferedAmount: () => writer.waitingBytes,
    cork(sendAll) {
      stream.isCorked = true;
      sendAll();
      stream.isCorked = false;
      flush(stream);
    },
    end: (code) => end(stream, code),
    finish: () => leaveAs(stream, "finishing"),
    beat() {
      if (stream.state === "streaming" && !writer.isBlocked) send(comment);
    },
    cut: () => leaveAs(stream, "cutting"),
  };
}

/** It is asked for before the last bytes are sent, which come in the same breath and may be several pieces. */
function leaveAs(stream: Stream, state: "finishing" | "cutting"): void {
  queueMicrotask(() => {
    if (stream.state === "done") return;
    stream.state = state;
    flush(stream);
  });
}

function flush(stream: Stream): void {
  const { writer, state, isCorked } = stream;
  if (state === "done" || isCorked) return;
  if (stream.response === undefined && writer.waitingBytes > 0) begin(stream);
  writer.flush();
  if (writer.waitingBytes === 0) leave(stream);
}

/** All has left that was to be sent. */
function leave(stream: Stream): void {
  const { response, state, exchange } = stream;
  const isCut = state === "cutting";
  if (!isCut && (state !== "finishing" || response === undefined)) return;
  stream.state = "done";
  if (response === undefined) exchange.reply(exchange.refuse(closedWith(closeCodes.overloaded)));
  else if (isCut) exchange.close();
  else response.cork(() => response.end());
  stream.onDone(!isCut && response !== undefined);
}

function begin(stream: Stream): void {
  const { exchange, writer } = stream;
  const response = exchange.take();
  if (response === undefined) return;
  stream.response = response;
  if (stream.state === "unanswered") stream.state = "streaming";
  response.cork(() =>
    writeHead(response, 200, { ...Object.fromEntries(exchange.headers), ...eventStreamHeaders, ...stream.headers }),
  );
  writer.begin(response, () => {
    flush(stream);
    if (!writer.isBlocked && stream.state === "streaming") stream.onDrained();
  });
}

/** As the close of a socket: what has not been answered is answered with an error, and who is asked to come back gets all that was sent. */
function end(stream: Stream, code: number): void {
  const { exchange, response, state } = stream;
  if (state === "done") return;
  if (response !== undefined && code === closeCodes.goingAway) {
    stream.state = stream.isWholeOrCut === true && state !== "finishing" ? "cutting" : "finishing";
    return flush(stream);
  }
  stream.state = "done";
  if (response === undefined) exchange.reply(exchange.refuse(closedWith(code)));
  else exchange.close();
  stream.onDone(false);
}
