import type { ServerResponse } from "node:http";
import type { Pacer } from "./pacer.ts";
import type { OpenRequest } from "./request-journal.ts";
import { createBatches, type ScriptEnd } from "./stream-batches.ts";
import type { ScriptStep } from "./stream-script.ts";

const KEEPALIVE_MS = 200;

export type Playback = {
  res: ServerResponse;
  script: Iterator<ScriptStep, void>;
  pacer: Pacer;
  request: OpenRequest;
  tokensPerSecond: number;
  firstMs: number;
};

/** Writes a script to a response at its pace. Ends by itself when the script or the reader does. */
export function playStream(playback: Playback): void {
  const { res, script, pacer, request, tokensPerSecond, firstMs } = playback;
  const batches = createBatches(script, { tokensPerSecond, startMs: performance.now() + firstMs });
  let cancelTimer: (() => void) | undefined;
  res.on("close", () => cancelTimer?.());

  function pump(): void {
    while (!res.destroyed) {
      const { text, tokens, waitMs, ending } = batches.next(performance.now());
      const keepsUp = text === "" || res.write(text);
      request.addTokens(tokens);
      if (ending !== undefined) return end(ending);
      if (!keepsUp) {
        res.once("drain", pump);
        return;
      }
      if (waitMs > 0) {
        cancelTimer = pacer.after(waitMs, pump);
        return;
      }
    }
  }

  function end(ending: ScriptEnd): void {
    if (ending.kind === "break" && ending.how === "keepalive") keepAlive();
    else endStream(ending, playback);
  }

  function keepAlive(): void {
    res.write(": keepalive\n\n");
    cancelTimer = pacer.after(KEEPALIVE_MS, keepAlive);
  }

  pump();
}

function endStream(ending: ScriptEnd, { res, request }: Playback): void {
  if (ending.kind === "end") {
    res.end();
    return;
  }
  // A stall is left alone: it lasts until the reader closes.
  if (ending.kind === "break" && ending.how === "stall") return;
  request.end("failed");
  if (ending.kind === "fail") res.end(ending.text);
  else if (ending.how === "cut") res.end();
  // The reset comes behind what was written before, which must reach the reader first.
  else res.write(":\n\n", () => res.socket?.resetAndDestroy());
}
