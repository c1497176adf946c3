import { unlessAborted } from "@parley/runtime";
import type { ModelClient, ModelEvent, ModelRequest, OnEvents, RequestLimit } from "./model.ts";

export interface LimitedStream {
  readonly client: ModelClient;
  readonly request: ModelRequest;
  readonly signal: AbortSignal;
  readonly limit: RequestLimit;
  readonly onEvents: OnEvents;
}

interface Waiting {
  readonly event: ModelEvent;
  /** Tokens of the answer with it. */
  at: number;
}

/**
 * An answer of which nothing is told before there is quota for it: what came too early waits, for as long as Redis takes to answer. Where there is no more quota the request is
 * closed, and fails with QUOTA_EXCEEDED behind what was told.
 */
export async function streamLimited({ client, request, signal, limit, onEvents }: LimitedStream): Promise<void> {
  const stop = new AbortController();
  const forward = (): void => stop.abort(signal.reason);
  const waiting: Waiting[] = [];
  let failure: { readonly reason: unknown } | undefined;
  let deciding: Promise<void> | undefined;

  const tell = (): void => {
    const room = limit.room();
    const beyond = waiting.findIndex(({ at }) => at > room);
    const ready = waiting.splice(0, beyond === -1 ? waiting.length : beyond);
    if (ready.length > 0) onEvents(ready.map(({ event }) => event));
    if (waiting.length === 0) return;
    const exceeded = limit.exceeded();
    if (exceeded !== undefined) throw exceeded;
    deciding ??= limit
      .decided()
      .then(() => {
        deciding = undefined;
        if (!stop.signal.aborted) tell();
      })
      .catch((reason: unknown) => {
        deciding = undefined;
        failure ??= { reason };
        stop.abort(reason);
      });
  };
  const take: OnEvents = (events) => {
    for (const event of events) {
      waiting.push({ event, at: limit.count(event) });
      if (event.type !== "end" || event.usage === undefined) continue;
      const whole = event.usage.output_tokens;
      limit.counted(whole);
      for (const one of waiting) one.at = Math.min(one.at, whole);
    }
    tell();
  };

  signal.addEventListener("abort", forward, { once: true });
  try {
    if (signal.aborted) forward();
    await client.stream(request, stop.signal, take);
    while (deciding !== undefined) await unlessAborted(deciding, signal);
  } catch (reason) {
    failure ??= { reason };
  } finally {
    signal.removeEventListener("abort", forward);
  }
  signal.throwIfAborted();
  if (failure !== undefined) throw failure.reason;
}
