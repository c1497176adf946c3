import type { WrappedKey } from "@parley/protocol";
import { createBackoff, sleep, type Logger } from "@parley/runtime";
import { createKeyCache, type CachedKey } from "./key-cache.ts";
import type { KeyStream, StoredKey } from "./key-stream.ts";
import { MasterKeyMissingError, type MasterKeys } from "./master-keys.ts";
import { newDataKey, type DataKey } from "./seal-format.ts";
import { hashOfScope } from "./seal-places.ts";

/** What became of the question for a key. `none`: nothing was ever sealed there, or the record is lost. `erased`: it was deleted. */
export type KeyState =
  | { readonly kind: "key"; readonly key: DataKey }
  | { readonly kind: "none" }
  | { readonly kind: "erased" }
  /** Nobody can say at present, or no master key here opens it. */
  | { readonly kind: "unavailable"; readonly error: unknown };

export interface DataKeysDeps {
  readonly stream: KeyStream;
  readonly masters: MasterKeys;
  /** Whose keys it has a right to make. */
  readonly mayMake: (scope: string) => boolean;
  /** Called when the first key of a conversation was made: its tenant's will be wanted too, also by those who may make none. */
  readonly onMade: (scope: string, tenant: string | undefined) => void;
  /** Of whose tenant a scope is, where nobody says when its key is made. */
  readonly tenantOf: (scope: string) => Promise<string | undefined>;
  readonly log: Logger;
}

/** What a key may be asked for. */
export interface KeyWish {
  /** Makes one where there is none. */
  readonly makes?: boolean;
  /** Whose it is, if that is known; see `tenantOf`. */
  readonly tenant?: string | undefined;
  /** What is cached does not count. */
  readonly isFresh?: boolean;
}

export type DataKeys = ReturnType<typeof createDataKeys>;

const makeTries = 10;

/** Data keys as they come from the stream, unwrapped. */
function createLoading({ stream, masters, mayMake, onMade, tenantOf, log }: DataKeysDeps, counts: KeyCounts) {
  const unwrap = async ({ key, hash }: { readonly key: WrappedKey; readonly hash: string }): Promise<DataKey> => {
    try {
      counts.unwrapped++;
      const secret = await masters.unwrap(key, { tenant: key.tenant, hash });
      if (secret === undefined) throw new MasterKeyMissingError(`no master key "${key.master}" is known here`);
      return { id: Buffer.from(key.kid, "base64url"), secret };
    } catch (error) {
      counts.unwrapErrors++;
      const reason = error instanceof Error ? error.message : String(error);
      log.error(
        { reason, master: key.master },
        "a data key cannot be unwrapped: what it has sealed cannot be read here",
      );
      throw error;
    }
  };

  /** Undefined: somebody else was quicker, or the broker did not answer. */
  const make = async (scope: string, found: StoredKey | undefined, wish: KeyWish): Promise<CachedKey | undefined> => {
    const hash = hashOfScope(scope);
    const tenant = wish.tenant ?? (await tenantOf(scope));
    const key = newDataKey();
    const wrapped = await masters.wrap(key.secret, { tenant, hash });
    const kid = key.id.toString("base64url");
    const record = { v: 1 as const, kid, ...(tenant === undefined ? {} : { tenant }), ...wrapped, ts: Date.now() };
    const result = await stream.put(hash, record, found?.seq ?? 0);
    if (result.kind === "no room" || result.kind === "too large") throw new Error("there is no room for a data key");
    if (result.kind !== "stored") return undefined;
    counts.made++;
    onMade(scope, tenant);
    return { key, seq: result.seq, hash };
  };

  /** `known`: what this process has of it; a record that has not changed is not unwrapped once more. */
  return async (scope: string, wish: KeyWish, known: CachedKey | undefined): Promise<CachedKey | "none" | "erased"> => {
    const hash = hashOfScope(scope);
    const backoff = createBackoff({ minMs: 5, maxMs: 200 });
    for (let tries = 0; tries < makeTries; tries++) {
      const found = await stream.last(hash);
      if (found?.key !== undefined) {
        const isKnown = known !== undefined && found.key.kid === known.key.id.toString("base64url");
        return { key: isKnown ? known.key : await unwrap({ key: found.key, hash }), seq: found.seq, hash };
      }
      if (wish.makes !== true || !mayMake(scope)) return found === undefined ? "none" : "erased";
      const made = await make(scope, found, wish);
      if (made !== undefined) return made;
      await sleep(backoff.nextMs());
    }
    throw new Error("the data key could not be stored");
  };
}

export interface KeyCounts {
  made: number;
  unwrapped: number;
  unwrapErrors: number;
}

type Then = (state: KeyState) => void;

/** Those that wait for the key of a scope, in their order. */
function createLines() {
  const lines = new Map<string, { waiting: Then[] }>();
  return {
    has: (scope: string): boolean => lines.size > 0 && lines.has(scope),
    /** Whether it is the first one. */
    enter(scope: string, then: Then): boolean {
      const line = lines.get(scope);
      if (line !== undefined) {
        line.waiting.push(then);
        return false;
      }
      lines.set(scope, { waiting: [then] });
      return true;
    },
    /** Who comes while it is served stands behind the others. */
    serve(scope: string, state: KeyState): void {
      const line = lines.get(scope);
      for (let next = line?.waiting.shift(); next !== undefined; next = line?.waiting.shift()) next(state);
      lines.delete(scope);
    },
  };
}

/** What is asked for at a time, once for all who ask. */
function createStates(load: ReturnType<typeof createLoading>, cache: ReturnType<typeof createKeyCache>) {
  const loading = new Map<string, Promise<KeyState>>();

  const loadNow = async (scope: string, wish: KeyWish): Promise<KeyState> => {
    const generation = cache.generation();
    try {
      const found = await load(scope, wish, cache.peek(scope));
      if (typeof found === "string") {
        cache.forget(scope);
        return { kind: found };
      }
      // It may have been erased while the answer was on its way.
      if (generation === cache.generation()) cache.add(scope, found);
      return { kind: "key", key: found.key };
    } catch (error) {
      return { kind: "unavailable", error };
    }
  };

  /** Joins those who ask at the same time; who wants it made asks again where the others did not. */
  const state = (scope: string, wish: KeyWish = {}): Promise<KeyState> => {
    const ready = wish.isFresh === true ? undefined : cache.ready(scope);
    if (ready !== undefined) return Promise.resolve({ kind: "key", key: ready });
    const under = loading.get(scope);
    if (under !== undefined) {
      if (wish.makes !== true) return under;
      return under.then((found) => (found.kind === "key" ? found : state(scope, wish)));
    }
    const asked = loadNow(scope, wish).finally(() => loading.delete(scope));
    loading.set(scope, asked);
    return asked;
  };
  return state;
}

/**
 * The data keys of this process. `ready` gives one at once if it is there; whoever must wait stands in line (`whenReady`), and is served in order, at once, when the
 * key has come. What was asked of the stream a moment ago is not asked again.
 */
export function createDataKeys(deps: DataKeysDeps) {
  const { stream, log } = deps;
  const counts: KeyCounts = { made: 0, unwrapped: 0, unwrapErrors: 0 };
  const load = createLoading(deps, counts);
  const cache = createKeyCache();
  const lines = createLines();

  const state = createStates(load, cache);
  const serveLine = async (scope: string, wish: KeyWish): Promise<void> => lines.serve(scope, await state(scope, wish));

  return {
    counts,
    cached: cache.size,

    /** The key, if this process has it and nobody waits for it. */
    ready(scope: string): DataKey | undefined {
      if (lines.has(scope)) return undefined;
      const key = cache.ready(scope);
      if (key !== undefined && cache.isDue(scope)) void state(scope, { isFresh: true });
      return key;
    },

    /** Whether somebody waits for it: what comes now comes behind them. */
    isAwaited: lines.has,

    state,

    /** Calls back with the key, or why there is none, behind all who asked before; `then` must not throw. */
    whenReady(scope: string, wish: KeyWish, then: Then): void {
      if (lines.enter(scope, then)) void serveLine(scope, wish);
    },

    /** Whether this process has looked so lately that a key with another id can only be an older one. */
    isYoung: cache.isYoung,

    /** What this process knows of it counts no more. */
    forgetHash: cache.forgetHash,
    forgetAll: cache.forgetAll,

    /** Erases the key of a scope, for all and for ever. Can be repeated; throws when the broker does not answer. */
    async shred(scope: string): Promise<void> {
      const hash = hashOfScope(scope);
      cache.forgetHash(hash);
      await stream.shred(hash);
      cache.forgetHash(hash);
      log.debug({ hash }, "a data key was erased");
    },
  };
}
