import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { connectionTokens, createTokenRecords, openBus, openSealedTokens, type Tokens } from "@parley/bus";
import { eventually, freePort, signedIn, startNats, tempDir, type NatsServer, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createTokenStore, GrantEndedError, NotConnectedError } from "../../src/mcp/token-store.ts";
import { silent } from "./support/mcp-server.ts";

const program = fileURLToPath(new URL("support/token-process.ts", import.meta.url));
const Said = z.object({
  ready: z.boolean().optional(),
  tokens: z.array(z.string()).optional(),
  error: z.string().optional(),
});
type Said = z.infer<typeof Said>;

let nats: NatsServer;
let folder: TempDir;
beforeAll(async () => {
  [nats, folder] = await Promise.all([startNats(), tempDir()]);
});
afterAll(async () => {
  await nats[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Gives a new refresh token for each, and ends all tokens when one is used a second time, as RFC 9700 wants it. */
async function startEndpoint({ answerMs = 200, lifeS = 3_600 } = {}) {
  const used: string[] = [];
  let [latest, isRevoked] = ["first", false];
  const server = createServer((request, response) => {
    void text(request).then(async (body) => {
      const token = new URLSearchParams(body).get("refresh_token") ?? "";
      used.push(token);
      isRevoked ||= token !== latest;
      if (isRevoked) return response.writeHead(400).end('{"error":"invalid_grant"}');
      latest = `refresh-${used.length}`;
      const answer = { access_token: `access-${used.length}`, refresh_token: latest, expires_in: lifeS };
      await new Promise((resolve) => setTimeout(resolve, answerMs));
      return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
  });
  const port = await freePort();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${port}/token`,
    used,
    isRevoked: () => isRevoked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Worker = Awaited<ReturnType<typeof startWorker>>;

async function startWorker() {
  const execArgv = ["--conditions=source", "--import", import.meta.resolve("tsx")];
  const child: ChildProcess = fork(program, [signedIn(nats.url, "tool")], { execArgv });
  const next = async (): Promise<Said> => Said.parse((await once(child, "message"))[0]);
  await next();
  return {
    child,
    async tokens(file: string, isRefused = false): Promise<string[]> {
      const said = next();
      child.send({ file, isRefused });
      const { tokens, error } = await said;
      if (tokens === undefined) throw new Error(error);
      return tokens;
    },
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

/** The file of a server whose tokens come from there. */
async function serverOf(name: string, tokenUrl: string, file = name): Promise<string> {
  const place = path.join(folder.path, `${file}.yaml`);
  const oauth = { token_url: tokenUrl, client_id: "parley", client_secret: "SECRET", refresh_token: "REFRESH" };
  const server = { url: "http://127.0.0.1:9/", private_addresses: true, oauth };
  await writeFile(place, JSON.stringify({ servers: { [name]: server } }));
  return place;
}

describe("tokens of several workers", () => {
  let one: Worker;
  let other: Worker;
  // Compiling what they import takes a busy machine its time.
  beforeAll(async () => {
    [one, other] = await Promise.all([startWorker(), startWorker()]);
  }, 90_000);
  afterAll(() => {
    one[Symbol.dispose]();
    other[Symbol.dispose]();
  });

  it("are refreshed by one of them, whoever wants one, and by one again when one was refused", async () => {
    await using endpoint = await startEndpoint();
    const file = await serverOf("shared", endpoint.url);
    const all = await Promise.all([one.tokens(file), other.tokens(file)]);
    expect(new Set(all.flat())).toEqual(new Set(["access-1"]));
    expect(endpoint.used).toEqual(["first"]);
    const again = await Promise.all([one.tokens(file, true), other.tokens(file, true)]);
    expect(new Set(again.flat())).toEqual(new Set(["access-2"]));
    expect(endpoint.used).toEqual(["first", "refresh-1"]);
    expect(endpoint.isRevoked()).toBe(false);
  });

  it("are never refreshed with one refresh token twice, however often they end", async () => {
    await using endpoint = await startEndpoint({ lifeS: 1, answerMs: 50 });
    const file = await serverOf("short", endpoint.url);
    for (let round = 0; round < 5; round++) {
      await Promise.all([one.tokens(file), other.tokens(file)]);
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    expect(endpoint.isRevoked()).toBe(false);
    expect(new Set(endpoint.used).size).toBe(endpoint.used.length);
  });

  it("are refreshed by another one when the one that has begun to is killed", async () => {
    await using slow = await startEndpoint({ answerMs: 60_000 });
    await using endpoint = await startEndpoint();
    void one.tokens(await serverOf("killed", slow.url, "killed-slow")).catch(() => undefined);
    await eventually(() => slow.used.length === 1, { what: "the first refresh" });
    one.child.kill("SIGKILL");
    const file = await serverOf("killed", endpoint.url);
    expect(new Set(await other.tokens(file))).toEqual(new Set(["access-1"]));
  });
});

describe("tokens that only their person can bring", () => {
  it("are what was connected last, also where that came while others were refreshed; and none when they are over", async () => {
    const bus = await openBus({ servers: signedIn(nats.url, "tool"), name: "test", log: silent });
    const deps = { records: await openSealedTokens(bus, { place: connectionTokens }), key: Buffer.alloc(32, 1) };
    const store = createTokenStore(deps);
    const records = createTokenRecords(deps, "ann");
    const connect = async (access: string, expiresAt: number): Promise<boolean> =>
      records.store({ access, refresh: `${access}-refresh`, expiresAt }, (await records.read()).seq);
    const asked: (string | undefined)[] = [];
    const grant = (refresh: (token: string | undefined) => Promise<Tokens>) => ({
      of: "ann",
      refresh: (token: string | undefined) => (asked.push(token), refresh(token)),
    });
    const never = grant(() => Promise.reject(new Error("nobody asks")));
    await expect(store.personal(never)).rejects.toThrow(NotConnectedError);
    await connect("one", 0);
    const whileConnecting = grant(async () => {
      await connect("two", Date.now() + 60_000);
      return { access: "one-again" };
    });
    expect((await store.personal(whileConnecting)).access).toBe("two");
    await connect("three", 0);
    const ended = grant(() => Promise.reject(new GrantEndedError("over")));
    await expect(store.personal(ended)).rejects.toThrow(NotConnectedError);
    expect((await records.read()).tokens).toBeUndefined();
    expect(asked).toEqual(["one-refresh", "three-refresh"]);
    await bus.close();
  });
});

describe("what is stored of tokens", () => {
  it("cannot be read or moved by who has not the key, and counts as none for another key", async () => {
    const bus = await openBus({ servers: signedIn(nats.url, "tool"), name: "test", log: silent });
    const records = await openSealedTokens(bus);
    const refreshed: (string | undefined)[] = [];
    const grant = (of: string) => ({
      of,
      refresh: async (token: string | undefined): Promise<Tokens> => {
        refreshed.push(token);
        return { access: `opaque-${refreshed.length}`, refresh: "again" };
      },
    });
    const mine = createTokenStore({ records, key: Buffer.alloc(32, 1) });
    expect(await mine.token(grant("a"))).toBe("opaque-1");
    expect(await createTokenStore({ records, key: Buffer.alloc(32, 1) }).token(grant("a"))).toBe("opaque-1");
    expect(await createTokenStore({ records, key: Buffer.alloc(32, 2) }).token(grant("a"))).toBe("opaque-2");
    expect(refreshed).toEqual([undefined, undefined]);
    await bus.close();
  });
});
