import { createCipheriv, createDecipheriv, createHash, randomBytes, randomUUID } from "node:crypto";
import type { SealedTokens } from "@parley/bus";
import { encodeJson, parseStored } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import { z } from "zod";

export interface Tokens {
  readonly access: string;
  /** Used up by its first use, with servers that rotate them. */
  readonly refresh?: string | undefined;
  /** When it is to be refreshed, by the clock of whoever got it, ms since 1970; absent: when it is refused. */
  readonly expiresAt?: number | undefined;
}

export interface TokenStoreDeps {
  readonly records: SealedTokens;
  /** 32 bytes, the same for all workers: nobody else can read what is stored. */
  readonly key: Buffer;
  /** How long a worker may take for a refresh until another one believes that it was lost. Longer than any refresh takes. */
  readonly lockMs?: number;
}

export interface Grant {
  /** What the token is for: a server, and the user where each has their own. */
  readonly of: string;
  /** Asks the token endpoint, with the refresh token if there is one. It has to end within `lockMs`. */
  refresh(token: string | undefined, signal: AbortSignal): Promise<Tokens>;
}

const lockDefaultMs = 20_000;
const lookMs = 100;
const STORE_TRIES = 5;
const ivBytes = 12;
const tagBytes = 16;

const Stored = z.object({
  v: z.literal(1),
  /** Of tokens, sealed; absent: there were none yet. */
  sealed: z.string().optional(),
  /** Who refreshes them at present. */
  lock: z.string().optional(),
});
type Stored = z.infer<typeof Stored>;
const Sealed = z.object({ access: z.string(), refresh: z.string().optional(), expiresAt: z.number().optional() });

/** What is stored of one grant. */
interface Kept {
  readonly seq: number;
  readonly stored: Stored | undefined;
  readonly tokens: Tokens | undefined;
}

function createRecords({ records, key }: TokenStoreDeps, of: string) {
  const hash = createHash("sha256").update(of).digest("base64url");
  const put = (stored: Stored, behind: number): Promise<number | undefined> =>
    records.put(hash, encodeJson(stored), behind);
  const read = async (): Promise<Kept> => {
    const last = await records.last(hash);
    const stored = last === undefined ? undefined : Stored.safeParse(parseStored(last.data)).data;
    const tokens = stored?.sealed === undefined ? undefined : opened(stored.sealed, key, of);
    return { seq: last?.seq ?? 0, stored, tokens };
  };
  return {
    read,
    /** Undefined: somebody was first. */
    lock: ({ seq, stored }: Kept) => put({ ...sealedIn(stored), v: 1, lock: randomUUID() }, seq),
    unlock: (stored: Stored | undefined, locked: number) => put({ ...sealedIn(stored), v: 1 }, locked),
    /** Holds on through broker trouble: what the endpoint gave out it gives out once. */
    async store(tokens: Tokens, locked: number): Promise<void> {
      const sealed = sealedOf(tokens, key, of);
      for (let tries = 1; ; tries++) {
        try {
          await put({ v: 1, sealed }, locked);
          return;
        } catch (error) {
          if (tries === STORE_TRIES) throw error;
          await sleep(lookMs * 2 ** tries);
        }
      }
    },
  };
}

function sealedIn(stored: Stored | undefined): Pick<Stored, "sealed"> {
  return stored?.sealed === undefined ? {} : { sealed: stored.sealed };
}

/** Whether something has stayed the same for so long, by this process's monotonic clock. */
function createWatch(forMs: number) {
  let [seq, sinceMs] = [-1, 0];
  return (now: number): boolean => {
    if (now !== seq) [seq, sinceMs] = [now, performance.now()];
    return performance.now() - sinceMs >= forMs;
  };
}

/**
 * Tokens that all workers share. A refresh token that is used twice is taken for stolen, and all that came of it ends (RFC 9700, 4.14.2): so one worker refreshes, and
 * the others wait for what it gets. Who refreshes is decided by compare-and-set at the broker; that a worker which refreshes was lost, by each one's own monotonic
 * clock: nothing has changed for `lockMs` since it first looked.
 */
export function createTokenStore(deps: TokenStoreDeps) {
  const { lockMs = lockDefaultMs } = deps;
  const known = new Map<string, Tokens>();
  const asking = new Map<string, Promise<Tokens>>();

  const ask = async ({ of, refresh }: Grant, refused: string | undefined): Promise<Tokens> => {
    const records = createRecords(deps, of);
    const isStale = createWatch(lockMs);
    const deadline = performance.now() + lockMs * 3;
    while (performance.now() < deadline) {
      const kept = await records.read();
      const { seq, stored, tokens } = kept;
      const good = goodOf(tokens, refused);
      if (good !== undefined) return good;
      const isLost = isStale(seq);
      if (stored?.lock !== undefined && !isLost) {
        await sleep(lookMs);
        continue;
      }
      const locked = await records.lock(kept);
      if (locked === undefined) continue;
      const fresh = await refresh(tokens?.refresh, AbortSignal.timeout(lockMs / 2)).catch(async (error: unknown) => {
        // Nobody has to wait for a lock whose holder has given up.
        await records.unlock(stored, locked).catch(() => undefined);
        throw error;
      });
      // Some servers do not rotate: the one before goes on to count.
      const all = { ...fresh, refresh: fresh.refresh ?? tokens?.refresh };
      await records.store(all, locked);
      return all;
    }
    throw new Error(`There was no token within ${lockMs * 3} ms: others were refreshing it.`);
  };

  return {
    /** A token that is good by now. `refused`: the one that the server did not take, so that one is no good. Throws what the refresh throws. */
    async token(grant: Grant, refused?: string): Promise<string> {
      const held = goodOf(known.get(grant.of), refused);
      if (held !== undefined) return held.access;
      let asked = asking.get(grant.of);
      if (asked === undefined) {
        asked = ask(grant, refused).finally(() => asking.delete(grant.of));
        asking.set(grant.of, asked);
      }
      const tokens = await asked;
      known.set(grant.of, tokens);
      return tokens.access;
    },
  };
}

function goodOf(tokens: Tokens | undefined, refused: string | undefined): Tokens | undefined {
  if (tokens === undefined || tokens.access === refused) return undefined;
  return tokens.expiresAt === undefined || tokens.expiresAt > Date.now() ? tokens : undefined;
}

export type TokenStore = ReturnType<typeof createTokenStore>;

/** AES-256-GCM, bound to what the token is for: one that is moved to another subject cannot be opened. */
function sealedOf(tokens: Tokens, key: Buffer, of: string): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(of));
  const body = Buffer.concat([cipher.update(JSON.stringify(tokens)), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString("base64");
}

/** Undefined: it was sealed with another key, or by somebody else; it counts as if there were none. */
function opened(sealed: string, key: Buffer, of: string): Tokens | undefined {
  const bytes = Buffer.from(sealed, "base64");
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, ivBytes)).setAAD(Buffer.from(of));
    decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    const text = Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]).toString();
    return Sealed.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
