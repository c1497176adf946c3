import { hash, randomUUID } from "node:crypto";
import { connectionName, createTokenRecords, type SealedTokens, type TokenRecords, type Tokens } from "@parley/bus";
import { ChatError, demand, type Caller, type May } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { AccountServer, ConnectionSettings } from "./connection-file.ts";
import { beginConnection, finishConnection, revokeConnection, type CameBack } from "./connection-oauth.ts";
import { createPendingConnections, type Pending, type PendingStore } from "./pending-connections.ts";

export interface ConnectionsDeps extends ConnectionSettings {
  readonly records: SealedTokens;
  readonly redis: PendingStore;
  readonly may: May;
  readonly log: Logger;
}

/** Whose account it is; a caller is one. */
interface Owner {
  readonly user: Pick<Caller["user"], "id">;
  readonly tenant?: string | undefined;
}

/** Who comes back. */
export interface Returned {
  readonly query: URLSearchParams;
  /** What this browser was given when something was begun in it. */
  readonly browser: string | undefined;
  /** Who is signed in there; undefined: nobody is, as far as this edge can see. */
  readonly signedIn: Owner | undefined;
}

export type Connections = ReturnType<typeof createConnections>;

/** Of an edge. */
export interface ConnectionOptions {
  /** Where users connect accounts of their own, which needs Redis. Default: nowhere. */
  readonly accounts?: (ConnectionSettings & Pick<ConnectionsDeps, "records">) | undefined;
  readonly redis?: PendingStore;
  readonly may: May;
  readonly log: Logger;
}

/** Undefined: nobody can connect one here. */
export function openConnections({ accounts, redis, may, log }: ConnectionOptions): Connections | undefined {
  return accounts && redis && createConnections({ ...accounts, redis, may, log });
}

const storeTries = 5;

const demandOwn = (may: May, caller: Caller, action: "connection:list" | "connection:change"): void =>
  demand(may(caller, action, { kind: "user", id: caller.user.id }));

function recordsOf(deps: ConnectionsDeps, server: AccountServer, { user, tenant }: Owner): TokenRecords {
  const { name, url, tokenUrl, clientId } = server;
  return createTokenRecords(deps, connectionName({ server: name, url, tokenUrl, clientId, user: user.id, tenant }));
}

/**
 * Accounts that users connect at servers of tools, each their own. Tokens are stored sealed for the tool workers; nothing of them is answered or logged. All of it throws FORBIDDEN
 * for who may not, NOT_FOUND for a server at which there are no such accounts, and OVERLOADED when the broker does not answer.
 */
function createConnections(deps: ConnectionsDeps) {
  const { servers, origin, key, redis, may, log } = deps;
  const pending = createPendingConnections(redis, key);
  const listOf = (owner: Owner) => {
    const looking = servers.map(async (server) => {
      const { tokens } = await recordsOf(deps, server, owner).read();
      const since = tokens?.connection?.sinceMs;
      return { server: server.name, connected: tokens !== undefined, ...(since === undefined ? {} : { since }) };
    });
    return Promise.all(looking).catch(notLookedUp);
  };
  return {
    origin,

    async list(caller: Caller) {
      demandOwn(may, caller, "connection:list");
      return listOf(caller);
    },

    /** For whoever may see it. */
    listOf,

    /** Where to send whoever wants to connect. `browser`: by what it is known again when it comes back. */
    async begin(caller: Caller, name: string, browser: string): Promise<string> {
      demandOwn(may, caller, "connection:change");
      const { url, state, verifier } = await beginConnection(serverNamed(servers, name), origin);
      const { user, tenant } = caller;
      await pending.keep(state, { server: name, user: user.id, tenant, verifier, browserHash: hashOf(browser) });
      return url;
    },

    /** The name of the server at which an account is connected now. Throws AUTH_INVALID or FORBIDDEN with a sentence for the person. */
    async finish(returned: Returned): Promise<string> {
      const state = returned.query.get("state") ?? "";
      const begun = await pending.take(state);
      if (begun === undefined) throw new ChatError("AUTH_INVALID", { message: notKnown });
      checkSame(begun, returned);
      await exchangeCode(deps, begun, { query: returned.query, origin, state, verifier: begun.verifier });
      log.info({ user: begun.user, server: begun.server }, "somebody has connected an account");
      return begun.server;
    },

    ...createForgetting(deps),
  };
}

/** Nothing is left of a connected account here; where that can be told, also at the authorization server. */
function createForgetting(deps: ConnectionsDeps) {
  const { servers, may, log } = deps;
  return {
    /** All accounts of somebody who is erased. Returns how many. */
    async forgetAll(owner: Owner): Promise<number> {
      let count = 0;
      for (const server of servers) {
        const tokens = await forgotten(recordsOf(deps, server, owner)).catch(notLookedUp);
        if (tokens === undefined) continue;
        count++;
        await revokeConnection(server, tokens).catch(() => undefined);
      }
      return count;
    },

    async forget(caller: Caller, name: string): Promise<void> {
      demandOwn(may, caller, "connection:change");
      const server = serverNamed(servers, name);
      const tokens = await forgotten(recordsOf(deps, server, caller)).catch(notLookedUp);
      if (tokens === undefined) return;
      log.info({ user: caller.user.id, server: name }, "somebody has disconnected an account");
      // Nobody has the tokens any more; that they end there as well is more than what was asked.
      await revokeConnection(server, tokens).catch(() =>
        log.warn({ server: name }, "an account was disconnected, and its tokens could not be revoked"),
      );
    },
  };
}

/** Changes the code for tokens and stores them. Killed in between, the code is used up and nothing is stored: the person begins again. */
async function exchangeCode(deps: ConnectionsDeps, begun: Pending, cameBack: CameBack): Promise<void> {
  const server = serverNamed(deps.servers, begun.server);
  const tokens = await finishConnection(server, cameBack);
  const owner = { user: { id: begun.user }, tenant: begun.tenant };
  const connected: Tokens = { ...tokens, connection: { id: randomUUID(), sinceMs: Date.now() } };
  await keep(recordsOf(deps, server, owner), connected).catch(async (cause: unknown) => {
    await revokeConnection(server, connected).catch(() => undefined);
    throw new ChatError("OVERLOADED", { message: notKept, cause });
  });
}

const notKnown =
  "This cannot be completed: it was used before, took too long, or was not begun here. Begin again in the settings of the chat page.";
const otherBrowser =
  "Nothing was connected: this was not begun in this browser. Begin in the settings of the chat page, and go on in the same browser.";
const otherUser =
  "Nothing was connected: somebody else is signed in here than who has begun this. Begin again in the settings of the chat page.";
const notKept = "Nothing was connected: it could not be stored. Begin again shortly.";

/**
 * Whoever sends somebody else the address at which they have begun themselves would get that person's account: so it ends where it was begun, by the sign-in, or where there is none by what
 * the browser was given.
 */
function checkSame({ user, tenant, browserHash }: Pending, { browser, signedIn }: Returned): void {
  if (signedIn !== undefined) {
    if (signedIn.user.id === user && signedIn.tenant === tenant) return;
    throw new ChatError("FORBIDDEN", { message: otherUser });
  }
  if (browser === undefined || hashOf(browser) !== browserHash)
    throw new ChatError("FORBIDDEN", { message: otherBrowser });
}

function serverNamed(servers: readonly AccountServer[], name: string): AccountServer {
  const server = servers.find((one) => one.name === name);
  if (server !== undefined) return server;
  throw new ChatError("NOT_FOUND", { message: "There is no server of that name at which accounts are connected." });
}

/** What was connected last counts, whoever refreshes what was there before. */
async function keep(records: TokenRecords, tokens: Tokens): Promise<void> {
  for (let tries = 0; tries < storeTries; tries++) {
    const { seq } = await records.read();
    if (await records.store(tokens, seq)) return;
  }
  throw new Error("Others write it all the time.");
}

/** What was there. */
async function forgotten(records: TokenRecords): Promise<Tokens | undefined> {
  for (let tries = 0; tries < storeTries; tries++) {
    const { seq, tokens, sealed } = await records.read();
    if (sealed === undefined || (await records.forget(seq))) return tokens;
  }
  throw new Error("Others write it all the time.");
}

function notLookedUp(cause: unknown): never {
  const message = "Connected accounts cannot be looked up or changed at the moment. Try again shortly.";
  throw new ChatError("OVERLOADED", { message, cause });
}

function hashOf(text: string): string {
  return hash("sha256", text, "base64url");
}
