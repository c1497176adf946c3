import type { ChatError } from "@parley/protocol";
import { timedOut } from "../model/model-error.ts";
import type { ModelClient, ModelEvent, ModelRequest, OnEvents } from "../model/model.ts";
import { streamWithRetry, type RestartEvent, type RetryOptions } from "../model/retry.ts";
import { streamHedged, type Runner } from "./hedged-client.ts";
import { mayAskAnother, type ModelRoute } from "./model-route.ts";

/** Another model answers from here on. */
export interface Choice {
  readonly from: string;
  readonly to: ModelRoute;
  /** Why: the code of what failed; `open`: it is left alone, as it failed too often before; `quicker`: it was asked beside the other, and said something first. */
  readonly why: ChatError["code"] | "open" | "quicker";
}

/** What a second request for the same answer came to. */
export interface HedgeResult {
  readonly first: ModelRoute;
  readonly second: ModelRoute;
  readonly won: "first" | "second";
}

export interface OrderOptions extends Pick<
  RetryOptions,
  "signal" | "emptyRetries" | "onRetry" | "random" | "onEvents"
> {
  /** The model that this turn has chosen before: those before it are not asked any more. */
  readonly committed: string | undefined;
  /** Told before a request to it goes out, or before its first word if it was asked beside another one. */
  readonly onChosen: (choice: Choice) => void;
  /** Resolves when the choice is stored: only then it is acted upon. */
  readonly stored: () => Promise<void>;
  readonly onHedged: (result: HedgeResult) => void;
  /** Requests to this model begin. */
  readonly onAsked: (route: ModelRoute) => void;
  /** The model has failed for good, and another one is asked. `hasSpoken`: what has been told of the answer by now is void, and paid for. */
  readonly onFailed: (route: ModelRoute, error: ChatError, hasSpoken: boolean) => void;
}

/** Where one answer is. */
interface Standing {
  /** Those that may still be asked. */
  left: readonly ModelRoute[];
  route: ModelRoute;
  /** As whose answer the next words are told. */
  chosen: string;
  hasSpoken: boolean;
}

/**
 * Asks the models of an order until one answers. Each gets the repetitions that `streamWithRetry` grants, within its own time for all of them; then
 * the next one is asked, where the failure is one that another model may not have. What is left alone at the moment is passed over, unless all are. Whoever
 * was passed over, or has failed, is not asked again for this turn: `committed` says after a takeover how far that went. Fails as
 * `streamWithRetry` does, with what the last of them came to.
 */
export async function streamInOrder(
  routes: readonly ModelRoute[],
  request: ModelRequest,
  options: OrderOptions,
): Promise<void> {
  const standing = beginning(routes, options.committed);
  let why: Choice["why"] = "open";
  for (let nth = 0; ; nth++) {
    await choose(standing, takeNext(standing), why, options);
    options.onAsked(standing.route);
    try {
      return await streamOne(standing, requestOf(request, nth), options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (!mayAskAnother(error)) throw error;
      if (error.code === "CONTEXT_TOO_LARGE") standing.left = larger(standing);
      if (standing.left.length === 0) throw error;
      options.onFailed(standing.route, error, standing.hasSpoken);
      why = error.code;
    }
  }
}

function beginning(routes: readonly ModelRoute[], committed: string | undefined): Standing {
  const [first] = routes;
  if (first === undefined) throw new Error("an order of no models");
  const at = routes.findIndex(({ name }) => name === committed);
  return { left: routes.slice(Math.max(0, at)), route: first, chosen: committed ?? first.name, hasSpoken: false };
}

function takeNext(standing: Standing): ModelRoute {
  const free = standing.left.findIndex(({ breaker }) => breaker.isFree());
  return take(standing, Math.max(0, free));
}

function take(standing: Standing, at: number): ModelRoute {
  const route = standing.left[at];
  if (route === undefined) throw new Error("no model is left");
  standing.left = standing.left.slice(at + 1);
  return route;
}

async function choose(standing: Standing, to: ModelRoute, why: Choice["why"], options: OrderOptions): Promise<void> {
  const { chosen: from } = standing;
  standing.route = to;
  if (from === to.name) return;
  standing.chosen = to.name;
  options.onChosen({ from, to, why });
  await options.stored();
  options.signal.throwIfAborted();
}

/** What does not fit into one may fit into another, if somebody has said how much that takes. */
function larger({ left, route: { context_tokens: had = Number.POSITIVE_INFINITY } }: Standing): readonly ModelRoute[] {
  return left.filter(({ context_tokens: has = 0 }) => has > had);
}

/** One model, with its repetitions. */
async function streamOne(standing: Standing, request: ModelRequest, options: OrderOptions): Promise<void> {
  const { route } = standing;
  const { emptyRetries, onRetry, random } = options;
  const isVoid = standing.hasSpoken;
  const onEvents = (events: readonly (ModelEvent | RestartEvent)[]): void => {
    standing.hasSpoken ||= events.some(({ type }) => !type.startsWith("without_") && type !== "end");
    options.onEvents(events);
  };
  await within(route.total_ms, options.signal, (signal) =>
    streamWithRetry(clientFor(standing, options), request, {
      ...{ signal, onEvents, isVoid },
      ...(route.attempts === undefined ? {} : { attempts: route.attempts }),
      ...(emptyRetries === undefined ? {} : { emptyRetries }),
      ...(onRetry === undefined ? {} : { onRetry }),
      ...(random === undefined ? {} : { random }),
      mayRepeat: (error) => isPatient(standing, error) || !standing.left.some(isFree),
    }),
  );
}

/** For longer no provider is waited for, while there is another model. */
const patienceMs = 1_000;

function isPatient({ route: { breaker } }: Standing, { retryAfterMs = 0 }: ChatError): boolean {
  return breaker.state() === "closed" && retryAfterMs <= patienceMs;
}

function isFree({ breaker }: ModelRoute): boolean {
  return breaker.isFree();
}

/** Providers want a request id to be unique. */
function requestOf(request: ModelRequest, nth: number): ModelRequest {
  return nth === 0 ? request : { ...request, requestId: `${request.requestId}-m${nth}` };
}

/** `act` with a signal that is aborted with MODEL_TIMEOUT as well, once its time is over. Undefined: it has none. */
async function within(
  ms: number | undefined,
  signal: AbortSignal,
  act: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (ms === undefined) return act(signal);
  const stop = new AbortController();
  const forward = (): void => stop.abort(signal.reason);
  const timer = setTimeout(() => stop.abort(timedOut({ ms, what: "whole answer" })), ms);
  signal.addEventListener("abort", forward, { once: true });
  try {
    if (signal.aborted) forward();
    await act(stop.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", forward);
  }
}

/** The model's, or both its and that of whoever is asked beside it. Once that one has won it is the one that is asked. */
function clientFor(standing: Standing, options: OrderOptions): ModelClient {
  const { route: first } = standing;
  const { hedge_after_ms: afterMs } = first;
  if (afterMs === undefined) return first.client;
  return {
    stream(request: ModelRequest, signal: AbortSignal, onEvents: OnEvents): Promise<void> {
      if (standing.route !== first) return standing.route.client.stream(request, signal, onEvents);
      let second: ModelRoute | undefined;
      return streamHedged({ client: first.client, request }, signal, onEvents, {
        afterMs,
        second: () => {
          second = secondOf(standing);
          return second && runnerOf(second, request);
        },
        onWon: (won) => {
          if (second !== undefined) settleHedge(standing, { first, second, won }, options);
        },
        // A model that is dead would be asked by every turn, and cost each of them that time.
        tooSlow: () =>
          second === first ? undefined : timedOut({ ms: afterMs, what: "first word, and another model had one" }),
      });
    },
  };
}

/** The next in the order, else the same model once more. Nobody waits for a place to ask in vain. */
function secondOf({ left, route }: Standing): ModelRoute | undefined {
  return [...left, route].find(({ breaker, places }) => breaker.isFree() && places?.hasFree() !== false);
}

function runnerOf({ client }: ModelRoute, request: ModelRequest): Runner {
  return { client, request: { ...request, requestId: `${request.requestId}-h` } };
}

function settleHedge(standing: Standing, result: HedgeResult, { onHedged, onChosen }: OrderOptions): void {
  const { first, second, won } = result;
  onHedged(result);
  if (won === "first" || second === first) return;
  standing.route = take(standing, standing.left.indexOf(second));
  standing.chosen = second.name;
  // No need to wait for it: the words of this model come behind it in the chain.
  onChosen({ from: first.name, to: second, why: "quicker" });
}
