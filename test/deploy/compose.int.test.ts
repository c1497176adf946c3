import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { root } from "./yaml.ts";

const notHere = 3;

it("docker-compose understands the compose files", { timeout: 180_000 }, ({ skip }) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["deploy/docker/check-compose.mjs"], {
    cwd: root,
    encoding: "utf8",
  });
  if (status === notHere) skip("SKIPPED: neither `docker compose` nor `docker-compose` is installed, nor can it be");
  expect(`${stdout}${stderr}`).toMatch(/override: valid\n.*alone: valid\n.*observability: valid\n/);
  expect(status).toBe(0);
});
