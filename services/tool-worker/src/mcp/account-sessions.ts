import type { AuthProvider } from "@modelcontextprotocol/client";
import type { Tokens } from "@parley/bus";
import type { Logger } from "@parley/runtime";
import { createCalls, NotSentError, type CallAnswer } from "./connection.ts";
import { createPersonalGrants, type AccountOwner, type PersonalServer } from "./oauth.ts";
import { openSession, type Session, type SessionCall } from "./session.ts";
import { NotConnectedError, type Grant, type TokenStore } from "./token-store.ts";

export interface AccountSessionsOptions {
  readonly server: PersonalServer;
  readonly store: TokenStore;
  /** A session that nobody has used for so long is closed. */
  readonly idleMs?: number;
  readonly log: Logger;
}

/** One person's session with the server. It is never anybody else's, and of one account: who connects another one gets another session. */
interface Held {
  readonly connection: string | undefined;
  readonly opened: Promise<Session>;
  readonly auth: AccountAuth;
  readonly calls: ReturnType<typeof createCalls>;
  /** Calls that have it at present. */
  uses: number;
  usedAtMs: number;
  /** It is closed when the last of these has ended. */
  isOver: boolean;
}

type AccountAuth = ReturnType<typeof createAccountAuth>;

const idleDefaultMs = 300_000;
const sweepMs = 15_000;

/** The token of one person's session, as it is by now. */
function createAccountAuth(name: string, tokensOf: (refused: string) => Promise<Tokens>, first: Tokens) {
  let current = first;
  const provider: AuthProvider = {
    token: async () => current.access,
    // The request that was refused has done nothing, so what is thrown here says that nothing was done.
    async onUnauthorized() {
      const next = await tokensOf(current.access);
      if (next.connection?.id !== current.connection?.id) throw otherAccount(name);
      current = next;
    },
  };
  return { provider, use: (tokens: Tokens) => void (current = tokens) };
}

function otherAccount(name: string): NotSentError {
  return new NotSentError(
    `Not run: another account was connected at the MCP server ${name} in the meantime. Try again.`,
  );
}

/** What was asked of the tokens, as an error that says that nothing was sent. */
async function lookedUp(name: string, asked: Promise<Tokens>): Promise<Tokens> {
  return asked.catch((cause: unknown) => {
    if (cause instanceof NotConnectedError) throw cause;
    const message = `Not run: the account that is connected at the MCP server ${name} cannot be used at the moment. Try again in a minute.`;
    throw new NotSentError(message, { cause });
  });
}

function openedOf(name: string, { opened }: Held): Promise<Session> {
  return opened.catch((cause: unknown) => {
    if (cause instanceof NotConnectedError || cause instanceof NotSentError) throw cause;
    const message = `Not run: the MCP server ${name} is away, or does not take the account that is connected. Try again in a minute.`;
    throw new NotSentError(message, { cause });
  });
}

function end({ opened }: Held): void {
  opened.then(
    (session) => session.close(),
    () => undefined,
  );
}

/** The sessions of people with one server: each with their own account, at most `limits.sessions` at once. */
export function createAccountSessions({ server, store, idleMs = idleDefaultMs, log }: AccountSessionsOptions) {
  const { name, limits } = server;
  const held = new Map<string, Held>();
  const closing = new AbortController();
  const grants = createPersonalGrants(server);
  let running = 0;

  const drop = (of: string, one: Held): void => {
    if (held.get(of) === one) held.delete(of);
    one.isOver = true;
    if (one.uses === 0) end(one);
  };
  const sweeping = setInterval(() => {
    for (const [of, one] of held) if (one.uses === 0 && performance.now() - one.usedAtMs > idleMs) drop(of, one);
  }, sweepMs).unref();

  /** Of those that nobody uses the one that was used longest ago makes room. */
  const makeRoom = (): void => {
    if (held.size < limits.sessions) return;
    const [longest] = [...held].filter(([, one]) => one.uses === 0).toSorted(([, a], [, b]) => a.usedAtMs - b.usedAtMs);
    if (longest === undefined)
      throw new NotSentError(`Not run: the MCP server ${name} has ${held.size} people's calls to answer already.`);
    drop(...longest);
  };

  const begin = (grant: Grant, tokens: Tokens): Held => {
    makeRoom();
    const auth = createAccountAuth(name, (refused) => lookedUp(name, store.personal(grant, refused)), tokens);
    const calls = createCalls(server);
    const events = { onListChanged: () => {}, onDeclined: calls.declined };
    const opened = openSession({ server, auth: auth.provider, isOld: false, log, ...events }, closing.signal);
    const one: Held = { connection: tokens.connection?.id, opened, auth, calls, uses: 0, usedAtMs: 0, isOver: false };
    held.set(grant.of, one);
    opened.then(
      ({ closed }) => void closed.then(() => drop(grant.of, one)),
      () => drop(grant.of, one),
    );
    return one;
  };

  /** For one call. Throws NotConnectedError, and NotSentError where nothing can be asked of the server. */
  const take = async (owner: AccountOwner): Promise<Held> => {
    const grant = grants.grantOf(owner);
    const tokens = await lookedUp(name, store.personal(grant)).catch((error: unknown) => {
      const one = held.get(grant.of);
      if (one !== undefined && error instanceof NotConnectedError) drop(grant.of, one);
      throw error;
    });
    if (closing.signal.aborted) throw new NotSentError("Not run: the worker is stopping.");
    const before = held.get(grant.of);
    const isSame = before !== undefined && before.connection === tokens.connection?.id;
    if (before !== undefined && !isSame) drop(grant.of, before);
    const one = isSame ? before : begin(grant, tokens);
    one.auth.use(tokens);
    one.uses++;
    return one;
  };

  const used = async <T>(owner: AccountOwner, work: (session: Session, one: Held) => Promise<T>): Promise<T> => {
    const one = await take(owner);
    try {
      return await work(await openedOf(name, one), one);
    } finally {
      one.uses--;
      one.usedAtMs = performance.now();
      if (one.isOver && one.uses === 0) end(one);
    }
  };

  return {
    async call(call: SessionCall, owner: AccountOwner): Promise<CallAnswer> {
      if (running >= limits.calls)
        throw new NotSentError(`Not run: the MCP server ${name} has ${running} calls to answer already.`);
      running++;
      try {
        return await used(owner, (session, { calls }) => {
          // The session may have taken its time.
          if (call.signal.aborted) throw new NotSentError("Not run: the call was stopped.");
          return calls.run(session, call);
        });
      } finally {
        running--;
      }
    },
    /** Whether the person's account can be used by now: with a session, so one that was revoked at the server is seen. Other trouble of the server is for the call to tell. */
    isConnected: (owner: AccountOwner): Promise<boolean> =>
      used(owner, async () => true).catch((error: unknown) => !(error instanceof NotConnectedError)),
    sessions: () => held.size,
    async close(): Promise<void> {
      closing.abort();
      clearInterval(sweeping);
      await Promise.all(
        [...held.values()].map(({ opened }) => opened.then((one) => one.close()).catch(() => undefined)),
      );
      await grants.close();
    },
  };
}
