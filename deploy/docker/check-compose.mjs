import path from "node:path";
import { findProgram, run } from "../../scripts/setup/commands.mjs";
import { root } from "../../scripts/setup/paths.mjs";
import { canInstall, installPackages } from "../../scripts/setup/system-packages.mjs";

// Asks Docker's own compose whether it understands the compose files; `docker-compose` of Debian needs no Docker for that. Exit code 3: there
// is neither here, and it cannot be installed.

const NOT_HERE = 3;
const DEADLINE_MS = 60_000;

const base = ["-f", "docker-compose.yml"];
const variants = [
  { what: "with its override", args: [] },
  { what: "alone", args: base },
  { what: "with observability", args: [...base, "--profile", "observability"] },
];

async function findCompose(signal) {
  const docker = findProgram(["docker"]);
  if (
    docker !== undefined &&
    (await run(docker, ["compose", "version"], { timeoutMs: DEADLINE_MS, signal })).code === 0
  ) {
    return [docker, "compose"];
  }
  if (findProgram(["docker-compose"]) === undefined && canInstall()) {
    await installPackages(["docker-compose"], { note: () => {}, signal }).catch(() => {});
  }
  const old = findProgram(["docker-compose"]);
  return old === undefined ? undefined : [old];
}

async function check(signal) {
  const compose = await findCompose(signal);
  if (compose === undefined) return NOT_HERE;
  const [command, ...first] = compose;
  let failed = 0;
  for (const { what, args } of variants) {
    const { code, output } = await run(command, [...first, ...args, "config", "-q"], {
      cwd: root,
      timeoutMs: DEADLINE_MS,
      signal,
    });
    if (code !== 0) failed += 1;
    process.stdout.write(`docker-compose.yml ${what}: ${code === 0 ? "valid" : output.trim()}\n`);
  }
  process.stdout.write(`asked ${path.basename(command)}\n`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await check(AbortSignal.timeout(10 * DEADLINE_MS));
