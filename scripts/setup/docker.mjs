import { findProgram, run } from "./commands.mjs";
import { root } from "./paths.mjs";
import { SetupError } from "./setup-error.mjs";

const INFO_DEADLINE_MS = 5000;
const UP_DEADLINE_MS = 5 * 60_000;
const DOWN_DEADLINE_MS = 30_000;

/** The docker command, when an engine answers it and it knows `compose`. */
export async function findDocker({ signal }) {
  const docker = findProgram(["docker"]);
  if (docker === undefined) return undefined;
  for (const args of [
    ["info", "--format", "{{.ServerVersion}}"],
    ["compose", "version"],
  ]) {
    const { code } = await run(docker, args, { timeoutMs: INFO_DEADLINE_MS, signal });
    if (code !== 0) return undefined;
  }
  return docker;
}

async function publishedPort(docker, broker, signal) {
  const args = ["compose", "port", broker.key, String(broker.defaultPort)];
  const { code, output } = await run(docker, args, { cwd: root, timeoutMs: INFO_DEADLINE_MS, signal });
  const found = /:(\d+)\s*$/.exec(output);
  return code === 0 && found !== null && found[1] !== "0" ? Number(found[1]) : undefined;
}

/** Starts the compose service of a broker, or finds it running; then it is not ours to stop. */
export async function startContainer(docker, broker, { ports, note, signal }) {
  const running = await publishedPort(docker, broker, signal);
  const port = running ?? (await ports.preferred(broker.defaultPort));
  const record = {
    kind: running === undefined ? "container" : "foreign",
    url: `${broker.schemes[0]}//127.0.0.1:${port}`,
  };
  if (running !== undefined) return record;
  note("docker compose up");
  const { code, output } = await run(docker, ["compose", "up", "--detach", "--wait", broker.key], {
    cwd: root,
    env: { ...process.env, [`${broker.name.toUpperCase()}_PORT`]: String(port) },
    timeoutMs: UP_DEADLINE_MS,
    signal,
  });
  if (code === 0) return record;
  const reason = output.trimEnd().split("\n").at(-1);
  throw new SetupError(
    `Docker could not start ${broker.name} (${reason}): run \`docker compose up ${broker.key}\` to see why.`,
  );
}

export async function stopContainer(broker) {
  const docker = findProgram(["docker"]);
  if (docker === undefined) return;
  await run(docker, ["compose", "stop", broker.key], { cwd: root, timeoutMs: DOWN_DEADLINE_MS });
}
