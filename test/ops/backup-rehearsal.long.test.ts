import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { openBus, type Bus } from "@parley/bus";
import { streams } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats, startRedis, startService, startSystem, tempDir, type Broker, type Service } from "@parley/testkit";
import { expect, it } from "vitest";
import { devToken, person } from "../e2e/person.ts";

const root = path.resolve(import.meta.dirname, "../..");
const log = createLogger({ service: "test", level: "fatal", format: "pretty" });
const adminToken = "0123456789abcdef0123456789abcdef";

async function run(script: string, nats: Broker | undefined, ...args: string[]): Promise<string> {
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], ...(nats && { NATS_URL: nats.url }) };
  const file = path.join(root, "scripts", script);
  return (await promisify(execFile)(process.execPath, [file, ...args], { env })).stdout;
}

function as(edge: Service, token: string) {
  return async (method: string, address: string, body?: object) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${edge.port}${address}`, { method, headers, ...sent });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  };
}

/** Lists are made again from the log, whose times are those of the records. */
function timeless(list: { readonly conversations: readonly { readonly updated_at: number }[] }): object[] {
  return list.conversations.map(({ updated_at: _at, ...entry }) => entry);
}

/** What people see of what they had. */
async function shown(edge: Service, tokens: Readonly<Record<string, string>>, ids: readonly string[]) {
  const anna = as(edge, tokens["anna"] ?? "");
  const bob = as(edge, tokens["bob"] ?? "");
  return {
    lists: [
      timeless((await anna("GET", "/api/v1/conversations?limit=50")).body),
      timeless((await bob("GET", "/api/v1/conversations?limit=50")).body),
    ],
    transcripts: await Promise.all(
      ids.map(async (id) => (await anna("GET", `/api/v1/conversations/${id}/messages?limit=100`)).body),
    ),
    members: (await bob("GET", `/api/v1/conversations/${ids[1]}/members`)).body,
    memory: (await anna("GET", "/api/v1/memory")).body,
  };
}

async function bytesOf(bus: Bus, user: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const record of bus.files.ofTenant(undefined)) {
    if (record.user !== user) continue;
    const parts: Uint8Array[] = [];
    for await (const part of bus.files.bytesOf(record)) parts.push(part);
    texts.push(Buffer.concat(parts).toString());
  }
  return texts;
}

const open = ({ url: servers }: Broker): Promise<Bus> => openBus({ servers, name: "test", log, ackWaitMs: 20_000 });

async function storeFile(bus: Bus): Promise<void> {
  const body = Buffer.from("the bytes of a file".repeat(10_000));
  const wish = {
    owner: { user: "anna" },
    clientId: "f",
    name: "plan.txt",
    mediaType: "text/plain",
    origin: "user",
  } as const;
  const { file_id } = await bus.files.begin({ ...wish, bytes: body.length });
  await bus.files.append(file_id, 0, body);
  await bus.files.finish(file_id);
}

it(
  "a system that was lost with its brokers is restored from a backup taken under load, and goes on",
  { timeout: 180_000 },
  async () => {
    const env = { edge: { ADMIN_TOKEN: adminToken, ADMIN_HOST: "127.0.0.1" } };
    await using system = await startSystem({ env });
    await using folder = await tempDir();
    const edge = system.edges[0]!;
    const tokens = {
      anna: await devToken(edge, "anna"),
      bob: await devToken(edge, "bob"),
      carl: await devToken(edge, "carl"),
    };
    using anna = await person(edge);
    const [chat, room] = [anna.conversation(), anna.conversation()];
    await chat.untilEnd((await chat.send("list all pods")).turn_id);
    await chat.untilEnd((await chat.send("hello again")).turn_id);
    await room.untilEnd((await room.send("hello")).turn_id);
    const asAnna = as(edge, tokens.anna);
    expect(
      (await asAnna("PUT", `/api/v1/conversations/${chat.id}/title`, { title: "All the pods" })).status,
    ).toBeLessThan(300);
    await asAnna("POST", `/api/v1/conversations/${room.id}/members`, { user_id: "bob", role: "writer" });
    await asAnna("POST", "/api/v1/memory", { text: "Likes short answers." });
    const bus = await open(system.nats);
    await storeFile(bus);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await fetch(`http://127.0.0.1:${edge.adminPort}/admin/revoke`, {
      method: "POST",
      headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
      body: JSON.stringify({ what: "user", id: "carl", reason: "left" }),
    });
    const before = await shown(edge, tokens, [chat.id, room.id]);
    const files = await bytesOf(bus, "anna");

    // Others chat while it is taken; whatever of that is in it is whole.
    let isLoading = true;
    const load = Promise.all(
      ["dora", "emil", "fred"].map(async (name) => {
        using one = await person(edge, name);
        const talk = one.conversation();
        while (isLoading) await talk.untilEnd((await talk.send("hello\n/sim tokens=40 rate=200")).turn_id);
        return talk.id;
      }),
    );
    const place = path.join(folder.path, "backup");
    const taken = await run("backup.mjs", system.nats, place);
    isLoading = false;
    const loaded = await load;
    for (const stream of [streams.log(0), streams.facts(0), streams.memory, streams.files, streams.gate, streams.audit])
      expect(taken).toContain(`${stream} backed up`);
    expect(taken).toContain(`${streams.turns} left out`);
    expect(await run("backup.mjs", undefined, "--verify", place)).toContain("is whole");
    await bus.close();

    await using nats = await startNats();
    await using redis = await startRedis();
    expect(await run("restore.mjs", nats, place)).toContain(`${streams.log(0)} restored`);
    await expect(run("restore.mjs", nats, place)).rejects.toThrow(/already holds/);
    const common = { NATS_URL: nats.url, REDIS_URL: redis.url };
    await using worker = await startService("agent-worker", {
      ...common,
      OPENAI_BASE_URL: `http://127.0.0.1:${system.modelSimulator.port}/v1`,
      OPENAI_API_KEY: "simulated",
      OPENAI_MODEL: "parley-simulated",
    });
    expect(worker.port).toBeGreaterThanOrEqual(0);
    await using restored = await startService("edge", {
      ...common,
      AUTH_DEV: "1",
      AUTH_JWT_SECRET: system.jwtSecret,
      ...env.edge,
    });

    expect(await shown(restored, tokens, [chat.id, room.id])).toEqual(before);
    expect((await as(restored, tokens.carl)("GET", "/api/v1/conversations")).status).toBe(401);
    const again = await open(nats);
    expect(await bytesOf(again, "anna")).toEqual(files);
    // What was under way then: each turn that is there is whole.
    for (const id of loaded) {
      const { turns } = await again.transcripts.tail(id, { limit: 200 });
      for (const turn of turns)
        expect([turn.question?.author.id, turn.answer?.status]).toEqual([expect.any(String), "complete"]);
    }
    await again.close();
    // A cursor of then is answered with what there is, and the conversation goes on.
    using back = await person(restored);
    const went = back.conversation(chat.id);
    const end = await went.untilEnd((await went.send("hello once more")).turn_id);
    expect(end.type).toBe("complete");
  },
);
