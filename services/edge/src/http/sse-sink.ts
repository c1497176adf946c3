import { closeCodes } from "@parley/protocol";
import type { HttpResponse } from "uWebSockets.js";
import type { Sink } from "../hub/viewer.ts";
import { closedWith } from "./answer-viewer.ts";
import type { Exchange } from "./exchange.ts";
import { chatErrorReply, writeHead } from "./reply.ts";

export interface SseSink extends Sink {
  /** Ends the response once all that was sent, and what is being sent, has left. */
  finish(): void;
  /** Something that means nothing, to keep the connection. */
  beat(): void;
}

interface SseSinkDeps {
  readonly exchange: Exchange;
  /** Everything that waited has been given to the socket. */
  readonly onDrained: () => void;
  /** The response has ended. */
  readonly onDone: () => void;
}

/**
 * Written in one cork. uWebSockets.js before 20.64 may lose the end of an HTTP write that fills its cork buffer of 16 KB and leaves in
 * part, so this stays well below.
 */
const maxWriteBytes = 8 * 1024;

const comment = Buffer.from(":\n\n");

const headers = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  // nginx would collect the stream before it passes it on.
  "x-accel-buffering": "no",
};

/** The response of a request as a sink like a socket: what the client does not take waits here, where it is counted. */
export function createSseSink({ exchange, onDrained, onDone }: SseSinkDeps): SseSink {
  let response: HttpResponse | undefined;
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let isBlocked = false;
  let isCorked = false;
  let state: "open" | "finishing" | "done" = "open";

  exchange.onGone(() => {
    state = "done";
    pending = [];
    pendingBytes = 0;
  });

  const takePiece = (): Uint8Array => {
    const [first] = pending;
    const all = pending.length === 1 && first !== undefined ? first : Buffer.concat(pending);
    const piece = all.subarray(0, maxWriteBytes);
    pending = piece.length === all.length ? [] : [all.subarray(maxWriteBytes)];
    pendingBytes -= piece.length;
    return piece;
  };

  const start = (): HttpResponse | undefined => {
    const taken = exchange.take();
    taken?.cork(() => writeHead(taken, 200, { ...Object.fromEntries(exchange.headers), ...headers }));
    taken?.onWritable(() => {
      isBlocked = false;
      flush();
      if (!isBlocked && state !== "done") onDrained();
      return !isBlocked;
    });
    return taken;
  };

  const flush = (): void => {
    if (state === "done" || isCorked) return;
    response ??= start();
    if (response === undefined) return;
    const open = response;
    while (!isBlocked && pendingBytes > 0) {
      const piece = takePiece();
      // What leaves a cork in part is only seen by the next write, which then says so.
      open.cork(() => {
        isBlocked = !open.write(piece);
      });
    }
    if (pendingBytes > 0 || state !== "finishing") return;
    state = "done";
    open.cork(() => open.end());
    onDone();
  };

  return {
    send(bytes) {
      if (state === "done") return 2;
      pending.push(bytes);
      pendingBytes += bytes.length;
      flush();
      return isBlocked ? 0 : 1;
    },
    getBufferedAmount: () => pendingBytes,
    cork(send) {
      isCorked = true;
      send();
      isCorked = false;
      if (pendingBytes > 0 || state === "finishing") flush();
    },
    end(code) {
      if (state === "done") return;
      if (response === undefined) exchange.reply(chatErrorReply(closedWith(code)));
      else if (code === closeCodes.goingAway) {
        state = "finishing";
        return flush();
      } else response.close();
      state = "done";
      onDone();
    },
    finish() {
      if (state === "open") state = "finishing";
    },
    beat() {
      if (!isBlocked && response !== undefined) this.send(comment, false);
    },
  };
}
