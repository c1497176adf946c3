import type { ChatError } from "@parley/protocol";
import type { Party } from "../fair-queue.ts";
import { isOfProvider, isTransient } from "../model/model-error.ts";
import type { ModelClient } from "../model/model.ts";
import type { NamedModel } from "../model/model-table.ts";
import type { Provider } from "../model/provider.ts";
import type { CircuitBreaker, RequestResult } from "./circuit-breaker.ts";
import type { RequestPlaces } from "./request-places.ts";

/** The way to one model: its server, what it may take there, and whether it is worth asking. */
export interface ModelRoute extends Pick<
  NamedModel,
  "attempts" | "total_ms" | "hedge_after_ms" | "context_tokens" | "fallbacks"
> {
  /** By which it is asked for. */
  readonly name: string;
  /** Where it is, and what it is called there. */
  readonly provider: Provider;
  /** One request. It waits for a place at the server first; then it is MODEL_UNAVAILABLE as long as there is none. */
  readonly client: ModelClient;
  readonly breaker: Pick<CircuitBreaker, "isFree" | "state">;
  /** Undefined: as many requests as there are may be open at its server. */
  readonly places: Pick<RequestPlaces, "hasFree"> | undefined;
}

export interface RouteClientDeps {
  /** One request to the provider. */
  readonly client: ModelClient;
  readonly breaker: Pick<CircuitBreaker, "begin">;
  readonly places: Pick<RequestPlaces, "acquire"> | undefined;
}

const nobody: Party = { user: "", tenant: undefined };

/** Requests that wait for a place, and of which the breaker learns how they came out. */
export function createRouteClient({ client, breaker, places }: RouteClientDeps): ModelClient {
  return {
    async stream({ model: _model, party = nobody, ...request }, signal, onEvents): Promise<void> {
      const release = await places?.acquire(party, signal);
      const settle = breaker.begin();
      try {
        await client.stream(request, signal, onEvents);
        settle("ok");
      } catch (error) {
        settle(resultOf(error));
        throw error;
      } finally {
        release?.();
      }
    },
  };
}

/** What whoever reads the answer has thrown says nothing of the model, nor does a cancel. */
function resultOf(error: unknown): RequestResult {
  return isOfProvider(error) && isTransient(error) ? "failed" : "unknown";
}

/** Whether another model may do what this one could not. */
export function mayAskAnother(error: unknown): error is ChatError {
  return isOfProvider(error) && passing.has(error.code);
}

const passing: ReadonlySet<string> = new Set<ChatError["code"]>([
  "MODEL_UNAVAILABLE",
  "MODEL_TIMEOUT",
  "MODEL_TRUNCATED",
  "CONTEXT_TOO_LARGE",
]);
