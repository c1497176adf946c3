import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { promisify } from "node:util";
import { freePort, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";

const script = path.resolve(import.meta.dirname, "../../scripts/advisories.mjs");
const advisory = {
  id: 1,
  url: "https://github.com/advisories/GHSA-aaaa-bbbb-cccc",
  title: "Reads too much",
  vulnerable_versions: "<2.0.0",
};

/** A registry with one package, which says this of it; without an answer it has no audit service. */
async function startRegistry(advisories: object | undefined) {
  const port = await freePort();
  const server = createServer((request, response) => {
    const isAudit = request.method === "POST";
    if (isAudit && advisories === undefined) return void response.writeHead(405).end();
    response.setHeader("content-type", "application/json");
    const version = { name: "one", version: "1.0.0", dist: { tarball: `http://127.0.0.1:${port}/one.tgz` } };
    const packument = { name: "one", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } };
    response.end(JSON.stringify(isAudit ? advisories : packument));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${port}/`, [Symbol.asyncDispose]: async () => void server.close() };
}

/** The script's exit code and words for a project with that package. */
async function audit(advisories: object | undefined, allowed: readonly object[] = []) {
  await using registry = await startRegistry(advisories);
  await using folder = await tempDir();
  const manifest = { name: "project", version: "1.0.0", dependencies: { one: "1.0.0" } };
  const lock = {
    ...{ name: "project", version: "1.0.0", lockfileVersion: 3, requires: true },
    packages: { "": manifest, "node_modules/one": { version: "1.0.0", resolved: `${registry.url}one.tgz` } },
  };
  const allowFile = path.join(folder.path, "allowed.json");
  await writeFile(path.join(folder.path, "package.json"), JSON.stringify(manifest));
  await writeFile(path.join(folder.path, "package-lock.json"), JSON.stringify(lock));
  await writeFile(allowFile, JSON.stringify(allowed));
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, npm_config_registry: registry.url, npm_config_cache: folder.path };
  const args = [script, "--root", folder.path, "--allowed", allowFile];
  return await promisify(execFile)(process.execPath, args, { env }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: unknown) => ({ code: Number(Object(error).code), stdout: String(Object(error).stdout) }),
  );
}

it("says aloud that nothing was audited when the registry cannot", async () => {
  expect(await audit(undefined)).toEqual({ code: 0, stdout: expect.stringMatching(/^NOT AUDITED: .*405.*\n$/) });
});

it("fails on a weakness of severity high, and only notes a moderate one", async () => {
  const found = await audit({ one: [{ ...advisory, severity: "high" }] });
  expect(found).toEqual({ code: 1, stdout: "high: one: Reads too much (GHSA-aaaa-bbbb-cccc)\n" });
  const noted = await audit({ one: [{ ...advisory, severity: "moderate" }] });
  expect(noted).toMatchObject({ code: 0, stdout: expect.stringContaining("note, moderate: one") });
  expect(await audit({})).toMatchObject({ code: 0 });
});

it("accepts a weakness that is explained, until the day that was set", async () => {
  const high = { one: [{ ...advisory, severity: "high" }] };
  const entry = { id: "GHSA-aaaa-bbbb-cccc", reason: "That function is never called.", until: "2999-01-01" };
  expect(await audit(high, [entry])).toMatchObject({ code: 0, stdout: expect.stringContaining("note, high: one") });
  expect(await audit(high, [{ ...entry, until: "2020-01-01" }])).toMatchObject({ code: 1 });
  expect(await audit(high, [{ ...entry, reason: " " }])).toMatchObject({ code: 1 });
});

it("fails on an explanation that nobody needs any more", async () => {
  const entry = { id: "GHSA-aaaa-bbbb-cccc", reason: "That function is never called.", until: "2999-01-01" };
  const stale = await audit({}, [entry]);
  expect(stale).toMatchObject({ code: 1, stdout: expect.stringContaining("no package has it any more") });
});
