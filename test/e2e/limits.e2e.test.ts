import { writeFile } from "node:fs/promises";
import path from "node:path";
import { eventually, startSystem, tempDir, type Service, type System, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { person } from "./person.ts";

let system: System;
let folder: TempDir;
let file: string;

beforeAll(async () => {
  folder = await tempDir();
  file = path.join(folder.path, "limits.yaml");
  await writeFile(file, "limits:\n  turns_per_user: { rate: 6, burst: 6 }\n");
  const edge = { LIMITS_FILE: file, EXEMPT_ADDRESSES: "none", TRUSTED_PROXIES: "127.0.0.0/8" };
  system = await startSystem({ edges: 2, env: { edge } });
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** The code with which each of several messages is answered. */
async function sayOn(edge: Service, user: string, count: number): Promise<string[]> {
  using client = await person(edge, user);
  const codes: string[] = [];
  for (let i = 0; i < count; i++) {
    const sent = client.conversation().send(`message ${i}`);
    codes.push(
      await sent.then(
        () => "accepted",
        ({ code }: { code: string }) => code,
      ),
    );
  }
  return codes;
}

it("counts one person's messages on two processes together, and lets the others write", async () => {
  const [one, other] = [system.edges[0]!, system.edges[1]!];
  const accepted = (count: number) => Array.from({ length: count }, () => "accepted");
  // An edge that is too busy to hear Redis for 100 ms counts for itself: then with somebody else once more.
  await eventually(
    async () => {
      const anna = `anna-${Math.random()}`;
      const codes = [...(await sayOn(one, anna, 4)), ...(await sayOn(other, anna, 3)), ...(await sayOn(one, anna, 1))];
      return codes.join() === [...accepted(6), "RATE_LIMITED", "RATE_LIMITED"].join();
    },
    { what: "six of eight are taken", timeoutMs: 40_000 },
  );
  expect(await sayOn(one, "bert", 1)).toEqual(["accepted"]);
});

it("goes on with its own counting when Redis dies, and answers without it", async () => {
  await system.redis.kill();
  expect(await sayOn(system.edges[0]!, "carl", 8)).toEqual([
    ...Array<string>(6).fill("accepted"),
    "RATE_LIMITED",
    "RATE_LIMITED",
  ]);
  await system.redis.restart();
});

it("takes a changed file within two seconds, and a broken one not at all", async () => {
  await writeFile(file, "limits:\n  turns_per_user: { rate: lots }\n");
  await writeFile(file, "limits:\n  turns_per_user: { rate: 1, burst: 1 }\n");
  await eventually(async () => (await sayOn(system.edges[1]!, `dora${Math.random()}`, 2))[1] === "RATE_LIMITED", {
    what: "the new limit counts",
    timeoutMs: 2_500,
  });
  const user = `emil${Math.random()}`;
  await writeFile(file, "limits:\n  turns_per_user: { rate: lots }\n");
  expect(await sayOn(system.edges[1]!, user, 2)).toEqual(["accepted", "RATE_LIMITED"]);
});

it("believes a proxy that is named, of whom it asks for", async () => {
  const { port } = system.edges[0]!;
  const ask = (client: string) =>
    fetch(`http://127.0.0.1:${port}/api/v1/conversations`, { headers: { "x-forwarded-for": client } });
  await writeFile(file, "limits:\n  requests_per_address: { rate: 0.01, burst: 3 }\n");
  await eventually(async () => (await ask("10.0.0.9, 203.0.113.1")).status === 429, {
    what: "the limit is met",
    timeoutMs: 4_000,
  });
  expect((await ask("203.0.113.1, 203.0.113.2")).status).toBe(401);
});
