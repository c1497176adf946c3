import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { startSystem } from "@parley/testkit";
import { expect, it } from "vitest";
import { devToken } from "./person.ts";

const run = promisify(execFile);
const page = readFileSync(path.resolve(import.meta.dirname, "../../docs/operations.md"), "utf8");
const printedAddress = "ADMIN=http://127.0.0.1:8001/admin";

it("answers the examples of docs/operations.md on keeping people out as they are printed", async () => {
  const adminToken = randomBytes(32).toString("hex");
  await using system = await startSystem({
    agentWorkers: 0,
    toolWorkers: 0,
    env: { edge: { ADMIN_TOKEN: adminToken } },
  });
  const [edge] = system.edges;
  const section = page.slice(page.indexOf("## Keep people out"), page.indexOf("## Probes and figures"));
  const lines = [...section.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, text = ""]) => text.trimEnd().split("\n"));
  expect(lines[0]).toBe(printedAddress);
  const address = `ADMIN=http://127.0.0.1:${edge!.adminPort}/admin`;
  const script = lines.join("\necho\n").replace(printedAddress, address);
  const token = await devToken(edge!, "dora");
  const env = { ...process.env, ADMIN_TOKEN: adminToken, TOKEN: token };
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script], { env });
  const answers = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  const [status, user, session, single, revocations, reinstated, ...blocking] = answers;
  expect(status).toEqual({ sockets: 0, revocations: 0, notes: [] });
  expect([user, session, single]).toMatchObject([
    { cancelled: 0, revocation: { what: "user", id: "anna" } },
    { revocation: { what: "session", user: "bert" } },
    { revocation: { what: "token" } },
  ]);
  expect([revocations.total, reinstated]).toEqual([3, { reinstated: true }]);
  expect(blocking).toMatchObject([
    { shared: true, block: { id: "203.0.113.9" } },
    { shared: true, block: { id: "carl" } },
    { total: 2 },
    { lifted: true },
    { sent_away: 0, left: 0 },
  ]);
  const ready = await fetch(`http://127.0.0.1:${edge!.adminPort}/readyz`);
  expect([ready.status, edge!.isRunning()]).toEqual([503, true]);
});

it("the token of the examples is revoked by the hash that they make of it", async () => {
  const adminToken = randomBytes(32).toString("hex");
  await using system = await startSystem({
    agentWorkers: 0,
    toolWorkers: 0,
    env: { edge: { ADMIN_TOKEN: adminToken } },
  });
  const [edge] = system.edges;
  const line = page.split("\n").find((text) => text.includes("openssl dgst")) ?? "";
  const [, ask = ""] = /^(ask\(\) .*)$/m.exec(page) ?? [];
  const token = await devToken(edge!, "dora");
  const lookAt = async (): Promise<number> =>
    (
      await fetch(`http://127.0.0.1:${edge!.port}/api/v1/conversations`, {
        headers: { authorization: `Bearer ${token}` },
      })
    ).status;
  expect(await lookAt()).toBe(200);
  const script = `ADMIN=http://127.0.0.1:${edge!.adminPort}/admin\n${ask}\n${line}`;
  await run("bash", ["-euo", "pipefail", "-c", script], {
    env: { ...process.env, ADMIN_TOKEN: adminToken, TOKEN: token },
  });
  expect(await lookAt()).toBe(401);
});
