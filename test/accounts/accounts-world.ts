import { randomBytes } from "node:crypto";
import { connectionTokens, openBus, openSealedTokens } from "@parley/bus";
import { freePort } from "@parley/testkit";
import { createBrowser, type Browser } from "../../services/edge/test/support/browser.ts";
import { createWorld, log, tokenOf } from "../../services/edge/test/support/edge-fixture.ts";
import { createRedisWorld } from "../../services/edge/test/support/redis.ts";
import type { AccountServer } from "../../services/edge/src/commands/connections/connection-file.ts";
import { accountClient, startAccountProvider } from "./account-provider.ts";
import { startTicketsServer } from "./tickets-server.ts";

export const accountKey = randomBytes(32);

interface WorldSettings {
  /** Of access tokens, s. */
  readonly lifeS?: number;
}

/** A server of tickets with accounts, and two edges behind one address at which people connect them. */
export async function startAccountsWorld({ lifeS }: WorldSettings = {}) {
  const [world, redis, tickets] = [await createWorld(), await createRedisWorld(), await startTicketsServer()];
  const [port, otherPort] = [await freePort(), await freePort()];
  const origin = `http://127.0.0.1:${port}`;
  const provider = await startAccountProvider({ origins: [origin], resource: tickets.url, ...(lifeS && { lifeS }) });
  tickets.trust.find = provider.find;
  const { oauth } = provider;
  const server: AccountServer = {
    ...{ name: "tickets", url: tickets.url, clientId: accountClient.id, clientSecret: accountClient.secret },
    ...{ authorizeUrl: oauth.authorize_url, tokenUrl: oauth.token_url, revokeUrl: oauth.revoke_url },
    ...{ scope: oauth.scope, resource: oauth.resource },
  };
  const addEdge = async (at: number) => {
    const bus = await openBus({ servers: world.nats.url, name: "accounts", log });
    const records = await openSealedTokens(bus, { place: connectionTokens });
    const listen = { host: "127.0.0.1", port: at, isShared: false };
    const edge = await world.addEdge({
      ...{ listen, redis: await redis.connect() },
      accounts: { servers: [server], key: accountKey, origin, records },
    });
    return { edge, bus, at: `http://127.0.0.1:${at}` };
  };
  const edges = [await addEdge(port), await addEdge(otherPort)];

  const ask = async (user: string, method: string, path: string, at = origin) => {
    const headers = { authorization: `Bearer ${await tokenOf(user)}` };
    const response = await fetch(`${at}/api/v1/connections${path}`, { method, headers });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  };
  /** Begins in a browser, and goes on until the authorization server sends it back. Returns where to. */
  const begin = async (user: string, account: string, browser: Browser, at = origin): Promise<string> => {
    const headers = { authorization: `Bearer ${await tokenOf(user)}` };
    const begun = await browser.request(`${at}/api/v1/connections/tickets`, { method: "POST", headers });
    const { url } = JSON.parse(begun.text);
    const page = await browser.open(String(url), (next) => next.startsWith(origin));
    return page.location ?? (await provider.fillIn(browser, page, account));
  };

  return {
    ...{ world, redis, tickets, provider, server, origin, other: edges[1]!.at, ask, begin },
    /** As a person does who has an account of that name. */
    async connect(user: string, account: string): Promise<void> {
      const browser = createBrowser();
      const done = await browser.request(await begin(user, account, browser));
      if (done.status !== 200) throw new Error(`it was not connected: ${done.text}`);
    },
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      for (const { bus } of edges) await bus.close();
      await redis[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
      await tickets[Symbol.asyncDispose]();
    },
  };
}

export type AccountsWorld = Awaited<ReturnType<typeof startAccountsWorld>>;
