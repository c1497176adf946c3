import {
  createTokenRecords,
  type KeptTokens,
  type TokenRecords,
  type TokenRecordsDeps,
  type Tokens,
} from "@parley/bus";
import { sleep } from "@parley/runtime";

export interface TokenStoreDeps extends TokenRecordsDeps {
  /** How long a worker may take for a refresh until another one believes that it was lost. Longer than any refresh takes. */
  readonly lockMs?: number;
}

export interface Grant {
  /** What the token is for: a server, and the user where each has their own. */
  readonly of: string;
  /** Only its person can bring tokens: where there are none, or those that there are count no more, it is a `NotConnectedError`. */
  readonly isPersonal?: boolean;
  /** Asks the token endpoint, with the refresh token if there is one. It has to end within `lockMs`. Throws a `GrantEndedError` for a refresh token that counts no more. */
  refresh(token: string | undefined, signal: AbortSignal): Promise<Tokens>;
}

/** The endpoint says that what a person has allowed is over: revoked, run out, or used by somebody else. */
export class GrantEndedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "GrantEndedError";
  }
}

/** Whose call it is has connected no account, or has to do it again. */
export class NotConnectedError extends Error {
  constructor() {
    super("There is no account connected.");
    this.name = "NotConnectedError";
  }
}

const lockDefaultMs = 20_000;
const lookMs = 100;

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

  const ask = async (grant: Grant, refused: string | undefined): Promise<Tokens> => {
    const records = createTokenRecords(deps, grant.of);
    const isStale = createWatch(lockMs);
    const deadline = performance.now() + lockMs * 3;
    while (performance.now() < deadline) {
      const kept = await records.read();
      const good = goodOf(kept.tokens, refused);
      if (good !== undefined) return good;
      const isLost = isStale(kept.seq);
      if (kept.isLocked && !isLost) {
        await sleep(lookMs);
        continue;
      }
      const fresh = await refreshed({ grant, records, kept, lockMs });
      if (fresh !== undefined) return fresh;
    }
    throw new Error(`There was no token within ${lockMs * 3} ms: others were refreshing it.`);
  };

  /** One question at a time for each grant and refused token of this process. */
  const askedOnce = (grant: Grant, refused: string | undefined): Promise<Tokens> => {
    const name = JSON.stringify([grant.of, refused]);
    let answer = asking.get(name);
    if (answer === undefined) {
      answer = ask(grant, refused).finally(() => asking.delete(name));
      asking.set(name, answer);
    }
    return answer;
  };

  return {
    /** A token that is good by now. `refused`: the one that the server did not take, so that one is no good. Throws what the refresh throws. */
    async token(grant: Grant, refused?: string): Promise<string> {
      const held = goodOf(known.get(grant.of), refused);
      if (held !== undefined) return held.access;
      const tokens = await askedOnce(grant, refused);
      known.set(grant.of, tokens);
      return tokens.access;
    },

    /** The same of a person's own account, as it is by now: looked up each time, so that what was forgotten elsewhere is not used any more. Throws NotConnectedError. */
    personal: (grant: Omit<Grant, "isPersonal">, refused?: string): Promise<Tokens> =>
      askedOnce({ ...grant, isPersonal: true }, refused),
  };
}

interface Refreshing {
  readonly grant: Grant;
  readonly records: TokenRecords;
  readonly kept: KeptTokens;
  readonly lockMs: number;
}

/** Undefined: somebody else was first, so it is to be looked up once more. */
async function refreshed(refreshing: Refreshing): Promise<Tokens | undefined> {
  const { grant, records, kept } = refreshing;
  const { tokens } = kept;
  if (grant.isPersonal === true && tokens === undefined) throw new NotConnectedError();
  if (grant.isPersonal === true && tokens?.refresh === undefined) return ended(records, kept.seq);
  const locked = await records.lock(kept);
  if (locked === undefined) return undefined;
  const fresh = await asked(refreshing, locked);
  if (fresh === undefined) return undefined;
  // Some servers do not rotate: the one before goes on to count.
  const all: Tokens = { ...fresh, refresh: fresh.refresh ?? tokens?.refresh, connection: tokens?.connection };
  // Else it was connected anew, or forgotten, in the meantime: then that counts.
  return (await records.store(all, locked)) ? all : undefined;
}

async function asked({ grant, records, kept, lockMs }: Refreshing, locked: number): Promise<Tokens | undefined> {
  try {
    return await grant.refresh(kept.tokens?.refresh, AbortSignal.timeout(lockMs / 2));
  } catch (error) {
    if (grant.isPersonal === true && error instanceof GrantEndedError) return ended(records, locked);
    // Nobody has to wait for a lock whose holder has given up.
    await records.unlock(kept, locked).catch(() => undefined);
    throw error;
  }
}

/** Forgets what counts no more, unless something else stands there by now. */
async function ended(records: TokenRecords, behind: number): Promise<undefined> {
  if (await records.forget(behind)) throw new NotConnectedError();
}

function goodOf(tokens: Tokens | undefined, refused: string | undefined): Tokens | undefined {
  if (tokens === undefined || tokens.access === refused) return undefined;
  return tokens.expiresAt === undefined || tokens.expiresAt > Date.now() ? tokens : undefined;
}

export type TokenStore = ReturnType<typeof createTokenStore>;
