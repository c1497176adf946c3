import {
  connectionName,
  connectionTokens,
  createTokenRecords,
  openSealedTokens,
  type TokenRecords,
  type Tokens,
} from "@parley/bus";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { log } from "../../services/edge/test/support/edge-fixture.ts";
import { createAccountSessions } from "../../services/tool-worker/src/mcp/account-sessions.ts";
import { createTokenStore } from "../../services/tool-worker/src/mcp/token-store.ts";
import { accountClient } from "./account-provider.ts";
import { startAccountWorkers, type AccountWorkers } from "./account-workers.ts";
import { accountKey, startAccountsWorld, type AccountsWorld } from "./accounts-world.ts";

let world: AccountsWorld;
let workers: AccountWorkers;
type Worker = Awaited<ReturnType<AccountWorkers["addWorker"]>>;
let both: readonly Worker[];
beforeAll(async () => {
  world = await startAccountsWorld({ lifeS: 2 });
  workers = await startAccountWorkers(world);
  both = [await workers.addWorker(), await workers.addWorker()];
});
afterAll(async () => {
  await workers[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

let calls = 0;
async function whoami(worker: Worker | undefined, user: string): Promise<string | undefined> {
  const id = `t${++calls}-0-0`;
  await worker?.run(workers.job(user, id, "whoami"));
  return workers.resultOf(id);
}

async function recordsOf(user: string): Promise<TokenRecords> {
  const records = await openSealedTokens(world.world.bus, { place: connectionTokens });
  const { name, url, tokenUrl, clientId } = world.server;
  const of = connectionName({ server: name, url, tokenUrl, clientId, user, tenant: undefined });
  return createTokenRecords({ records, key: accountKey }, of);
}

/** When the tokens are to be refreshed. */
const ended = async (user: string): Promise<Tokens> => {
  const records = await recordsOf(user);
  return eventually(
    async () => {
      const { tokens } = await records.read();
      return tokens !== undefined && (tokens.expiresAt ?? 0) <= Date.now() ? tokens : undefined;
    },
    { what: "the end of the access token" },
  );
};

/** Uses a refresh token, as a worker does that is lost before it has stored what came of it. */
async function useUp(token: string | undefined): Promise<number> {
  const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: token ?? "" });
  const basic = Buffer.from(`${accountClient.id}:${accountClient.secret}`).toString("base64");
  const headers = { authorization: `Basic ${basic}` };
  return (await fetch(world.server.tokenUrl, { method: "POST", headers, body: form })).status;
}

describe("tokens of people that end", () => {
  it("are refreshed by one worker for all their calls, and no refresh token is used twice", async () => {
    await Promise.all([world.connect("ann", "ann-at-tickets"), world.connect("bert", "bert-at-tickets")]);
    for (let round = 0; round < 4; round++) {
      const results = await Promise.all(
        [...both, ...both].flatMap((worker) => [whoami(worker, "ann"), whoami(worker, "bert")]),
      );
      expect(results.map((result) => result?.match(/You are (\w+)-at/)?.[1])).toEqual(
        Array.from({ length: 4 }, () => ["ann", "bert"]).flat(),
      );
      await Promise.all([ended("ann"), ended("bert")]);
    }
    expect(world.provider.seen).toMatchObject({ refreshed: 6, refused: 0 });
  });

  it("are refreshed by another worker when the one that has begun to is lost before it asked", async () => {
    await world.connect("cleo", "cleo-at-tickets");
    await ended("cleo");
    const records = await recordsOf("cleo");
    await records.lock(await records.read());
    expect(await whoami(both[0], "cleo")).toContain("You are cleo-at-tickets.");
  });

  it("are asked for again when the worker that had used the refresh token up was lost before it stored what it got", async () => {
    await world.connect("dora", "dora-at-tickets");
    const { refresh } = await ended("dora");
    const records = await recordsOf("dora");
    await records.lock(await records.read());
    expect(await useUp(refresh)).toBe(200);
    expect(await whoami(both[1], "dora")).toBeUndefined();
    expect((await records.read()).tokens).toBeUndefined();
    await world.connect("dora", "dora-anew");
    expect(await whoami(both[0], "dora")).toContain("You are dora-anew.");
  });

  it("give way to those that somebody connects while they are refreshed", async () => {
    await world.connect("eve", "eve-before");
    await ended("eve");
    let release = (): void => undefined;
    const waits = new Promise<void>((resolve) => (release = resolve));
    let asked = 0;
    world.provider.held.before = (path) => (path === "/token" && ++asked === 1 ? waits : undefined);
    const answer = whoami(both[0], "eve");
    await eventually(() => asked === 1, { what: "the refresh" });
    await world.connect("eve", "eve-after");
    release();
    expect(await answer).toContain("You are eve-after.");
    expect(await whoami(both[1], "eve")).toContain("You are eve-after.");
    world.provider.held.before = () => undefined;
  });

  it("stay what they are while the authorization server is in trouble, and the call says so", async () => {
    await world.connect("fay", "fay-at-tickets");
    const before = await ended("fay");
    world.provider.trouble.isOn = true;
    expect(await whoami(both[0], "fay")).toBe(
      "failed: Not run: the account that is connected at the MCP server tickets cannot be used at the moment. Try again in a minute.",
    );
    world.provider.trouble.isOn = false;
    expect((await (await recordsOf("fay")).read()).tokens?.refresh).toBe(before.refresh);
    expect(await whoami(both[0], "fay")).toContain("You are fay-at-tickets.");
  });
});

describe("sessions of people with one server", () => {
  it("are no more than they may be: the one that nobody uses makes room", async () => {
    await using few = await startAccountWorkers(world, { limits: { sessions: 1 } });
    const worker = await few.addWorker();
    await Promise.all([world.connect("gus", "gus-at-tickets"), world.connect("hugo", "hugo-at-tickets")]);
    for (const [at, user] of ["gus", "hugo", "gus"].entries()) {
      const job = few.job(user, `s${at}-0-0`, "whoami");
      await worker.run(job);
      expect(await few.resultOf(job.call_id)).toContain(`You are ${user}-at-tickets.`);
    }
  });

  it("are closed when nobody has used them for a while, and opened again", async () => {
    const [tickets] = workers.servers;
    if (tickets?.personal === undefined || tickets.url === undefined) throw new Error("There is no such server.");
    const server = { ...tickets, personal: tickets.personal, url: tickets.url };
    const records = await openSealedTokens(world.world.bus, { place: connectionTokens });
    const store = createTokenStore({ records, key: accountKey });
    const sessions = createAccountSessions({ server, store, idleMs: 200, log });
    await world.connect("ida", "ida-at-tickets");
    const owner = { user: "ida", tenant: undefined };
    for (let round = 0; round < 2; round++) {
      expect(await sessions.isConnected(owner)).toBe(true);
      expect(sessions.sessions()).toBe(1);
      await eventually(() => sessions.sessions() === 0, { what: "the end of the session" });
    }
    await sessions.close();
  });
});
