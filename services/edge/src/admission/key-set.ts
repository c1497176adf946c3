import { ChatError } from "@parley/protocol";
import { createBackoff, type Logger } from "@parley/runtime";
import { createLocalJWKSet, errors, type CryptoKey, type JWTHeaderParameters } from "jose";
import { TokenFault } from "./identity.ts";
import { requestKeys, type PublishedKeys } from "./key-set-request.ts";

export interface KeySetTimes {
  /** How old keys get before they are asked for again: so long a key that was withdrawn is accepted. */
  readonly refreshMs: number;
  /** Tokens that name a key that is not known make the issuer be asked at most once in this time, whoever sends them. */
  readonly coolDownMs: number;
  readonly requestMs: number;
  readonly firstRetryMs: number;
  /** While the issuer cannot be asked, keys are used until they are this old. */
  readonly staleMs: number;
}

export const keySetTimes: KeySetTimes = {
  refreshMs: 600_000,
  coolDownMs: 30_000,
  // Less than a socket has for its token.
  requestMs: 3_000,
  firstRetryMs: 1_000,
  staleMs: 24 * 3_600_000,
};

export interface KeySetOptions {
  /** The issuer's name here. */
  readonly issuer: string;
  readonly url: string;
  readonly times?: KeySetTimes | undefined;
  readonly log: Logger;
}

interface HeldKeys extends PublishedKeys {
  readonly find: ReturnType<typeof createLocalJWKSet>;
  /** When they were asked for (a `performance.now`). */
  readonly askedMs: number;
}

interface State {
  held: HeldKeys | undefined;
  /** When they were asked for the last time, in vain or not (a `performance.now`). */
  attemptedMs: number;
  /** Why they could not be had the last time; undefined: they could, or were not asked for yet. */
  failure: string | undefined;
  version: number;
  /** How often they were asked for, by how that ended. */
  readonly requests: { answered: number; failed: number };
}

export type KeySet = ReturnType<typeof startKeySet>;

/**
 * The keys of one issuer:
 *
 *     none ── had ──▶ held ── `refreshMs`, or a key that is not known ──▶ asked for again: held, or held and failing
 *      ▲                                                                                       │
 *      └──────────────────────────────── `staleMs` without an answer ──────────────────────────┘
 *
 * It asks by itself, from the beginning on, so that no connection waits for it and a withdrawn key goes also where nobody connects; after a failure
 * in growing intervals. Whoever brings a key that is not known can make it ask once more, within bounds.
 */
export function startKeySet({ issuer, url, times = keySetTimes, log }: KeySetOptions) {
  const requests = { answered: 0, failed: 0 };
  const state: State = { held: undefined, attemptedMs: -Infinity, failure: undefined, version: 0, requests };
  const closing = new AbortController();
  const backoff = createBackoff({ minMs: times.firstRetryMs, maxMs: times.coolDownMs });
  let pending: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const ask = async (): Promise<void> => {
    state.attemptedMs = performance.now();
    const hadFailed = state.failure !== undefined;
    try {
      keep(state, await requestKeys({ url, timeoutMs: times.requestMs, signal: closing.signal }));
      backoff.reset();
      if (hadFailed) log.info({ issuer }, "the keys of an issuer can be had again");
    } catch (err) {
      if (closing.signal.aborted) return;
      fail(state, err);
      if (!hadFailed) log.warn({ issuer, url, err }, "the keys of an issuer cannot be had");
    }
    if (closing.signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(() => void refresh(), nextMs()).unref();
  };

  /** Edges that were started together ask apart. */
  const nextMs = (): number => {
    if (state.failure !== undefined) return times.firstRetryMs / 2 + backoff.nextMs();
    return times.refreshMs * (0.9 + Math.random() / 10);
  };

  const refresh = (): Promise<void> => (pending ??= ask().finally(() => (pending = undefined)));

  void refresh();
  return {
    keyOf: createLookup(state, times, { refresh, isAsking: () => pending !== undefined }),

    /** Another one when a key was withdrawn, and while keys are too old to be used. */
    version: (): number => (state.held !== undefined && usable(state, times) === undefined ? -1 : state.version),

    /** How long ago the keys that are used were asked for; undefined: there are none. */
    ageMs(): number | undefined {
      const keys = usable(state, times);
      return keys === undefined ? undefined : performance.now() - keys.askedMs;
    },

    failure: (): string | undefined => state.failure,
    requests,

    close(): void {
      closing.abort();
      clearTimeout(timer);
    },
  };
}

function keep(state: State, published: PublishedKeys): void {
  const before = [...(state.held?.thumbprints ?? [])];
  if (before.some((one) => !published.thumbprints.has(one))) state.version++;
  const find = createLocalJWKSet({ keys: [...published.keys] });
  state.held = { ...published, find, askedMs: state.attemptedMs };
  state.failure = undefined;
  state.requests.answered++;
}

function fail(state: State, error: unknown): void {
  state.failure = error instanceof Error ? error.message : String(error);
  state.requests.failed++;
}

function usable({ held }: State, { staleMs }: KeySetTimes): HeldKeys | undefined {
  return held !== undefined && performance.now() - held.askedMs < staleMs ? held : undefined;
}

interface Asking {
  readonly refresh: () => Promise<void>;
  readonly isAsking: () => boolean;
}

function createLookup(state: State, times: KeySetTimes, { refresh, isAsking }: Asking) {
  const coolDownLeftMs = (): number => Math.max(0, state.attemptedMs + times.coolDownMs - performance.now());

  const unknownYet = (): ChatError =>
    new ChatError("AUTH_UNAVAILABLE", {
      cause: new TokenFault(state.failure ?? "its key is not known, and the issuer was asked a moment ago"),
      retryAfterMs: Math.max(times.firstRetryMs, Math.round(coolDownLeftMs())),
    });

  /**
   * The key that a token names. Throws a TokenFault when the issuer has no such key, and AUTH_UNAVAILABLE when that cannot be told now: the issuer could not be asked, or
   * was a moment ago.
   */
  return async (header: JWTHeaderParameters): Promise<CryptoKey> => {
    const known = await usable(state, times)?.find(header).catch(orNone);
    if (known !== undefined) return known;
    if (!isAsking() && coolDownLeftMs() > 0) throw unknownYet();
    await refresh();
    const keys = usable(state, times);
    const found = await keys?.find(header).catch(orNone);
    if (found !== undefined) return found;
    if (state.failure !== undefined || keys === undefined) throw unknownYet();
    throw new TokenFault("its issuer has no such key");
  };
}

/** No key of that name, or several: then it cannot be said which is meant. */
function orNone(error: unknown): undefined {
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) return undefined;
  throw error;
}
