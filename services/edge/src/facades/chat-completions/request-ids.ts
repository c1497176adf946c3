import { randomBytes } from "node:crypto";
import { sharedKeyPrefixes } from "@parley/protocol";
import { withDeadline } from "@parley/runtime";
import type { FacadeDeps } from "../../transport/facade.ts";

/** The SDK gives a request up after ten minutes, and sends it twice more. */
const windowMs = 30 * 60_000;
/** An answer may be lost on its way; the SDK waits for 8 s at most before it sends its request again. */
const answeredMs = 15_000;
/** In a process without Redis; the oldest go first. Some 200 bytes each. */
const mostRemembered = 10_000;
const redisMs = 250;

export interface RequestIds {
  /**
   * The id of the message that a request is. One that its client says it sends again has the id under which it was known; every other one is new, however much
   * it is like one before.
   */
  idOf(digest: string, isRepeated: boolean): Promise<string>;
  /** Its client has left without an answer: if it sends it again, it means this one. */
  abandoned(digest: string, id: string): void;
  /**
   * Its client has the answer, or the beginning of it, and does not send it again. One that is like it and says that it comes again is another one, whose first
   * try was lost or refused before it was known.
   */
  answered(digest: string, id: string): void;
  /** It was stopped: if its client sends it again, it wants another one. */
  forget(digest: string): void;
}

/**
 * OpenAI's SDK sends a request again without a word of what it was (no Idempotency-Key), only that it does (`x-stainless-retry-count`). So each request is remembered
 * by the digest of all that it says, before it is submitted: an edge that dies in between is found to have known it, and the message with this id was not
 * accepted yet, or is the same turn. Of several equal ones at a time it is the one whose client was seen to leave, or else the newest.
 */
export function createRequestIds({ redis, log }: Pick<FacadeDeps, "redis" | "log">): RequestIds {
  const own = createMemory();

  /** Undefined: nobody can say. */
  const ask = <T>(command: (store: NonNullable<typeof redis>) => Promise<T>): Promise<T | undefined> => {
    if (redis === undefined) return Promise.resolve(undefined);
    return withDeadline(command(redis), redisMs, "the id of a request").catch((err: unknown) => {
      log.debug({ err }, "which request this is could not be shared with other edges");
      return undefined;
    });
  };
  const remember = async (digest: string, id: string): Promise<string> => {
    own.set(digest, id, windowMs);
    await ask((store) => store.set(keyOf(digest), id, "PX", windowMs));
    return id;
  };

  return {
    async idOf(digest, isRepeated) {
      const fresh = randomBytes(16).toString("base64url");
      if (!isRepeated) return remember(digest, fresh);
      // Two that come at once are to find the same.
      const known = await ask(async (store) => {
        await store.set(keyOf(digest), own.get(digest) ?? fresh, "PX", windowMs, "NX");
        return store.get(keyOf(digest));
      });
      return remember(digest, known ?? own.get(digest) ?? fresh);
    },
    abandoned(digest, id) {
      if (!own.isAnswered(digest, id)) void remember(digest, id);
    },
    answered(digest, id) {
      if (own.get(digest) === id) own.set(digest, id, answeredMs);
      // A newer one that is equal stays.
      void ask(async (store) => {
        if ((await store.get(keyOf(digest))) === id) await store.pexpire(keyOf(digest), answeredMs);
      });
    },
    forget(digest) {
      own.delete(digest);
      void ask((store) => store.del(keyOf(digest)));
    },
  };
}

function keyOf(digest: string): string {
  return `${sharedKeyPrefixes.requests}${digest}`;
}

interface Remembered {
  readonly id: string;
  readonly forMs: number;
  readonly untilMs: number;
}

function createMemory() {
  const ids = new Map<string, Remembered>();
  const current = (digest: string): Remembered | undefined => {
    const known = ids.get(digest);
    return known === undefined || known.untilMs <= performance.now() ? undefined : known;
  };
  return {
    get: (digest: string): string | undefined => current(digest)?.id,
    isAnswered(digest: string, id: string): boolean {
      const known = ids.get(digest);
      return known?.id === id && known.forMs === answeredMs;
    },
    delete: (digest: string): boolean => ids.delete(digest),
    set(digest: string, id: string, forMs: number): void {
      ids.delete(digest);
      ids.set(digest, { id, forMs, untilMs: performance.now() + forMs });
      const [oldest] = ids.keys();
      if (ids.size > mostRemembered && oldest !== undefined) ids.delete(oldest);
    },
  };
}
