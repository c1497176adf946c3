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

/** Sessions by what their tokens are for: so many at most, and none for longer than it is used. */
function createHeld({ limits, name }: PersonalServer, idleMs: number) {
  const held = new Map<string, Held>();
  const drop = (of: string, one: Held): void => {
    if (held.get(of) === one) held.delete(of);
    one.isOver = true;
    if (one.uses === 0) end(one);
  };
  const sweeping = setInterval(
    () => {
      for (const [of, one] of held) if (one.uses === 0 && performance.now() - one.usedAtMs > idleMs) drop(of, one);
    },
    Math.min(sweepMs, idleMs),
  ).unref();

  return {
    drop,
    get: (of: string) => held.get(of),
    size: () => held.size,
    /** Of those that nobody uses the one that was used longest ago makes room. Throws NotSentError when all are used. */
    add(of: string, begin: () => Held): Held {
      if (held.size >= limits.sessions) {
        const free = [...held].filter(([, { uses }]) => uses === 0);
        const [longest] = free.toSorted(([, a], [, b]) => a.usedAtMs - b.usedAtMs);
        if (longest === undefined)
          throw new NotSentError(`Not run: the MCP server ${name} has calls of ${held.size} people to answer already.`);
        drop(...longest);
      }
      const one = begin();
      held.set(of, one);
      one.opened.then(
        ({ closed }) => void closed.then(() => drop(of, one)),
        () => drop(of, one),
      );
      return one;
    },
    async close(): Promise<void> {
      clearInterval(sweeping);
      const all = [...held.values()].map(({ opened }) => opened.then((one) => one.close()).catch(() => undefined));
      await Promise.all(all);
    },
  };
}

/** Gives each call the session of whoever it is for. */
function createTaking({ server, store, idleMs = idleDefaultMs, log }: AccountSessionsOptions) {
  const { name } = server;
  const held = createHeld(server, idleMs);
  const closing = new AbortController();
  const grants = createPersonalGrants(server);

  const begin = (grant: Grant, tokens: Tokens): Held => {
    const auth = createAccountAuth(name, (refused) => lookedUp(name, store.personal(grant, refused)), tokens);
    const calls = createCalls(server);
    const options = { server, auth: auth.provider, isOld: false, onDeclined: calls.declined, log };
    const opened = openSession(options, closing.signal);
    return { connection: tokens.connection?.id, opened, auth, calls, uses: 0, usedAtMs: 0, isOver: false };
  };

  /** Throws NotConnectedError, and NotSentError where nothing can be asked of the server. */
  const take = async (owner: AccountOwner): Promise<Held> => {
    const grant = grants.grantOf(owner);
    const tokens = await lookedUp(name, store.personal(grant)).catch((error: unknown) => {
      const one = held.get(grant.of);
      if (one !== undefined && error instanceof NotConnectedError) held.drop(grant.of, one);
      throw error;
    });
    if (closing.signal.aborted) throw new NotSentError("Not run: the worker is stopping.");
    const before = held.get(grant.of);
    const isSame = before !== undefined && before.connection === tokens.connection?.id;
    if (before !== undefined && !isSame) held.drop(grant.of, before);
    const one = isSame ? before : held.add(grant.of, () => begin(grant, tokens));
    one.auth.use(tokens);
    one.uses++;
    return one;
  };

  return {
    size: held.size,
    async used<T>(owner: AccountOwner, work: (session: Session, one: Held) => Promise<T>): Promise<T> {
      const one = await take(owner);
      try {
        return await work(await openedOf(name, one), one);
      } finally {
        one.uses--;
        one.usedAtMs = performance.now();
        if (one.isOver && one.uses === 0) end(one);
      }
    },
    async close(): Promise<void> {
      closing.abort();
      await held.close();
      await grants.close();
    },
  };
}

/** The sessions of people with one server: each with their own account, at most `limits.sessions` at once, and `limits.calls` of all together. */
export function createAccountSessions(options: AccountSessionsOptions) {
  const { name, limits } = options.server;
  const sessions = createTaking(options);
  let running = 0;
  return {
    async call(call: SessionCall, owner: AccountOwner): Promise<CallAnswer> {
      if (running >= limits.calls)
        throw new NotSentError(`Not run: the MCP server ${name} has ${running} calls to answer already.`);
      running++;
      try {
        return await sessions.used(owner, async (session, { calls }) => {
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
      sessions.used(owner, async () => true).catch((error: unknown) => !(error instanceof NotConnectedError)),
    sessions: sessions.size,
    close: sessions.close,
  };
}
