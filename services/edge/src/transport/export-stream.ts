import type { Logger } from "@parley/runtime";
import type { Exchange } from "./exchange.ts";
import { createPacedWriter } from "./paced-writer.ts";
import { writeHead } from "./reply.ts";

/** More is not read ahead of who reads. */
const mostWaitingBytes = 256 * 1024;
/** Whoever takes nothing for so long has gone, */
const stalledMs = 60_000;
/** and whoever needs longer for what may wait holds a place that others need: so little is less than a kilobyte a second. */
const slowestMs = 300_000;

const headers = {
  "content-type": "application/x-ndjson",
  "content-disposition": 'attachment; filename="export.ndjson"',
  "cache-control": "no-store",
};

/**
 * Writes lines as fast as their reader takes them. What goes wrong in the middle breaks the connection, so that nobody takes what there is for all of it. `leaving` is aborted when the reader is gone.
 */
export async function streamLines(
  exchange: Exchange,
  lines: AsyncIterable<string>,
  { leaving, log }: { readonly leaving: AbortController; readonly log: Logger },
): Promise<void> {
  const response = exchange.take();
  if (response === undefined) return;
  const writer = createPacedWriter();
  let wake = (): void => {};
  let isGone = false;
  exchange.onGone(() => {
    isGone = true;
    leaving.abort(new Error("the reader has gone"));
    wake();
  });
  response.cork(() => writeHead(response, 200, headers));
  const onWritable = (): void => {
    writer.flush();
    wake();
  };
  writer.begin(response, onWritable);
  const untilBelow = async (bytes: number): Promise<void> => {
    const until = performance.now() + slowestMs;
    while (!isGone && writer.waitingBytes > bytes) {
      const isTaken = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), Math.min(stalledMs, until - performance.now()));
        wake = () => (clearTimeout(timer), resolve(true));
      });
      if (!isTaken) throw new Error("the reader takes nothing any more");
    }
  };
  try {
    for await (const line of lines) {
      writer.add(Buffer.from(line));
      writer.flush();
      await untilBelow(mostWaitingBytes);
      if (isGone) return;
    }
    await untilBelow(0);
    if (!isGone) response.cork(() => response.end());
  } catch (err) {
    if (isGone) return;
    log.warn({ err }, "an export broke off");
    exchange.close();
  }
}
