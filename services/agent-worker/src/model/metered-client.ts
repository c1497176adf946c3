import { ChatError } from "@parley/protocol";
import { unlessAborted } from "@parley/runtime";
import { streamLimited } from "./limited-stream.ts";
import type { MeteredRequest, ModelClient, ModelEvent, ModelRequest, OnEvents, RequestLimit } from "./model.ts";

/** What a provider refuses before it has said anything costs nothing. */
const refusals: ReadonlySet<ChatError["code"]> = new Set(["MODEL_UNAVAILABLE", "CONTEXT_TOO_LARGE"]);

/** Tells what comes, and of the end what it has used. */
function createTelling(call: MeteredRequest, onEvents: OnEvents) {
  let isOver = false;
  const withUsage = (event: ModelEvent): ModelEvent => {
    if (event.type !== "end") return event;
    isOver = true;
    return { ...event, usage: call.ended(event.usage) };
  };
  return {
    isOver: (): boolean => isOver,
    onEvents(events: readonly ModelEvent[]): void {
      onEvents(events.at(-1)?.type === "end" ? events.map(withUsage) : events);
    },
  };
}

/** A cancel waits for nobody, and what was not sent costs nothing. */
async function admitted(call: MeteredRequest, { allowed }: RequestLimit, signal: AbortSignal): Promise<void> {
  try {
    await unlessAborted(allowed, signal);
    signal.throwIfAborted();
  } catch (error) {
    call.brokeOff(true);
    throw error;
  }
}

/**
 * Counts each request that really goes to a provider, where its `meter` asks for that: repetitions, fall-backs and those that were asked beside another one too.
 * `nameOf`: by which name the model is known to those who have said what it costs.
 */
export function createMeteredClient(client: ModelClient, nameOf: (request: ModelRequest) => string): ModelClient {
  return {
    async stream(request, signal, onEvents): Promise<void> {
      const { meter } = request;
      if (meter === undefined) return client.stream(request, signal, onEvents);
      signal.throwIfAborted();
      const call = meter.begin(request, nameOf(request));
      const { limit } = call;
      if (limit !== undefined) await admitted(call, limit, signal);
      const telling = createTelling(call, onEvents);
      let hasSpoken = false;
      const heard: ModelClient = {
        stream: (asked, until, take) =>
          client.stream(asked, until, (events) => {
            hasSpoken = true;
            if (limit === undefined) call.saw(events);
            take(events);
          }),
      };
      try {
        if (limit === undefined) await heard.stream(request, signal, telling.onEvents);
        else await streamLimited({ client: heard, request, signal, limit, onEvents: telling.onEvents });
        if (!telling.isOver()) call.brokeOff(false);
      } catch (error) {
        const isRefused = !hasSpoken && error instanceof ChatError && refusals.has(error.code);
        if (!telling.isOver()) call.brokeOff(isRefused);
        throw error;
      }
    },
  };
}
