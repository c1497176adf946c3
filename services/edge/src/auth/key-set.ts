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
  const closing = new AbortController();
  const backoff = createBackoff({ minMs: times.firstRetryMs, maxMs: times.coolDownMs });
  let held: HeldKeys | undefined;
  let attemptedMs = -Infinity;
  /** Why it could not be had the last time; undefined: it could. */
  let failure: string | undefined;
  let pending: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let version = 0;
  const requests = { answered: 0, failed: 0 };

  const usable = (): HeldKeys | undefined =>
    held !== undefined && performance.now() - held.askedMs < times.staleMs ? held : undefined;

  const keep = (published: PublishedKeys): void => {
    const before = [...(held?.thumbprints ?? [])];
    if (before.some((one) => !published.thumbprints.has(one))) version++;
    held = { ...published, find: createLocalJWKSet({ keys: [...published.keys] }), askedMs: attemptedMs };
    if (failure !== undefined) log.info({ issuer }, "the keys of an issuer can be had again");
    failure = undefined;
    backoff.reset();
    requests.answered++;
  };

  const fail = (error: unknown): void => {
    const reason = error instanceof Error ? error.message : String(error);
    if (failure === undefined) log.warn({ issuer, url, reason, err: error }, "the keys of an issuer cannot be had");
    failure = reason;
    requests.failed++;
  };

  const ask = async (): Promise<void> => {
    attemptedMs = performance.now();
    try {
      keep(await requestKeys({ url, timeoutMs: times.requestMs, signal: closing.signal }));
    } catch (error) {
      if (!closing.signal.aborted) fail(error);
    }
    if (closing.signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(() => void refresh(), nextMs()).unref();
  };

  /** Edges that were started together ask apart. */
  const nextMs = (): number =>
    failure === undefined ? times.refreshMs * (0.9 + Math.random() / 10) : times.firstRetryMs / 2 + backoff.nextMs();

  const refresh = (): Promise<void> => (pending ??= ask().finally(() => (pending = undefined)));

  const coolDownLeftMs = (): number => Math.max(0, attemptedMs + times.coolDownMs - performance.now());

  const unknownYet = (): ChatError =>
    new ChatError("OVERLOADED", {
      message: "This token cannot be checked at the moment. Try again shortly.",
      cause: new TokenFault(failure ?? "its key is not known, and the issuer was asked a moment ago"),
      retryAfterMs: Math.max(times.firstRetryMs, Math.round(coolDownLeftMs())),
    });

  void refresh();
  return {
    /**
     * The key that a token names. Throws a TokenFault when the issuer has no such key, and OVERLOADED when that cannot be told now: the issuer could not be asked, or
     * was a moment ago.
     */
    async keyOf(header: JWTHeaderParameters): Promise<CryptoKey> {
      const known = await usable()?.find(header).catch(orNone);
      if (known !== undefined) return known;
      if (pending === undefined && coolDownLeftMs() > 0) throw unknownYet();
      await refresh();
      const found = await usable()?.find(header).catch(orNone);
      if (found !== undefined) return found;
      if (failure !== undefined || usable() === undefined) throw unknownYet();
      throw new TokenFault("its issuer has no such key");
    },

    /** Grows when a key was withdrawn. */
    version: (): number => version,

    /** How long ago the keys that are used were asked for; undefined: there are none. */
    ageMs: (): number | undefined => {
      const keys = usable();
      return keys === undefined ? undefined : performance.now() - keys.askedMs;
    },

    /** Why the issuer could not be asked the last time; undefined: it could, or was not asked yet. */
    failure: (): string | undefined => failure,

    /** How often it was asked, by how that ended. */
    requests,

    close(): void {
      closing.abort();
      clearTimeout(timer);
    },
  };
}

/** No key of that name, or several: then it cannot be said which is meant. */
function orNone(error: unknown): undefined {
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) return undefined;
  throw error;
}
