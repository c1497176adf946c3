import { ChatError } from "@parley/protocol";
import type { ModelClient, ModelRequest } from "./model.ts";

/** What a provider refuses before it has said anything costs nothing. */
const refusals: ReadonlySet<ChatError["code"]> = new Set(["MODEL_UNAVAILABLE", "CONTEXT_TOO_LARGE"]);

/**
 * Counts each request that really goes to a provider, where its `meter` asks for that: repetitions, fall-backs and those that were asked beside another one too.
 * `nameOf`: by which name the model is known to those who have said what it costs.
 */
export function createMeteredClient(client: ModelClient, nameOf: (request: ModelRequest) => string): ModelClient {
  return {
    async stream(request, signal, onEvents): Promise<void> {
      const { meter } = request;
      if (meter === undefined) return client.stream(request, signal, onEvents);
      const call = meter.begin(request, nameOf(request));
      if (call.allowed !== undefined) await call.allowed;
      let hasSpoken = false;
      let isOver = false;
      try {
        await client.stream(request, signal, (events) => {
          hasSpoken = true;
          const fit = call.saw(events);
          const last = events.at(-1);
          if (fit < events.length || last?.type !== "end") {
            onEvents(fit < events.length ? events.slice(0, fit) : events);
            return call.check();
          }
          isOver = true;
          onEvents([...events.slice(0, -1), { ...last, usage: call.ended(last.usage) }]);
        });
        if (!isOver) call.brokeOff(false);
      } catch (error) {
        if (!isOver) call.brokeOff(!hasSpoken && error instanceof ChatError && refusals.has(error.code));
        throw error;
      }
    },
  };
}
