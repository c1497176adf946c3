import { brokerProblem, brokers, parseUrl, shownUrl } from "./brokers.mjs";
import { findProgram } from "./commands.mjs";
import { findDocker, startContainer, stopContainer } from "./docker.mjs";
import { isPrivateServer, startPrivate, stopPrivate } from "./private-server.mjs";
import { phase } from "./progress.mjs";
import { otherRuns, readBrokers, readRun, removeRun, withSetupLock, writeBrokers, writeRun } from "./run-records.mjs";
import { SetupError } from "./setup-error.mjs";
import { canInstall, installAdvice, installPackages } from "./system-packages.mjs";

/** 1. What the caller names is used, or it is an error: never silently something else. */
async function fromEnvironment(broker, env) {
  const text = env[broker.variable];
  if (text === undefined || text === "") return undefined;
  const url = parseUrl(broker, text);
  const problem = await brokerProblem(broker, url);
  if (problem === undefined) return { url: text, text: `${shownUrl(url)} (${broker.variable})` };
  const name = `${broker.name} at ${shownUrl(url)} (${broker.variable})`;
  throw new SetupError(`${name} ${problem}: start it, correct ${broker.variable}, or unset it to get a private one.`);
}

/** 2. What another run of this checkout has started, or a killed one has left running. */
async function fromRecord(broker) {
  const record = readBrokers()[broker.key];
  if (record === undefined || (record.kind === "private" && !isPrivateServer(broker, record))) return undefined;
  const problem = await brokerProblem(broker, new URL(record.url));
  if (problem === undefined) return { url: record.url, text: `${record.url} (already running for this checkout)` };
  if (record.kind !== "private") return undefined;
  // Two servers on one data folder would destroy it: the one that does not answer has to go first.
  await stopPrivate(broker, record);
  return undefined;
}

function remember(broker, { kind, url, pid, program }) {
  if (kind !== "foreign") writeBrokers({ ...readBrokers(), [broker.key]: { kind, url, pid, program } });
  return { url, text: `${url} (${kind === "private" ? `private ${program}` : "docker compose"})` };
}

/** 3. A server program of this system. */
async function fromProgram(broker, { ports }) {
  const program = findProgram(broker.programs);
  if (program === undefined) return undefined;
  return remember(broker, await startPrivate(broker, program, await ports.preferred(broker.defaultPort)));
}

/** 4. A Docker engine. */
async function fromDocker(broker, context) {
  const docker = await findDocker(context);
  return docker === undefined ? undefined : remember(broker, await startContainer(docker, broker, context));
}

/** 5. Packages of this system, when we may install them. */
async function fromPackages(broker, context) {
  if (!canInstall()) return undefined;
  // Both at once: apt-get is slow to start.
  const missing = brokers.filter((each) => findProgram(each.programs) === undefined);
  await installPackages(
    missing.map((each) => each.debianPackage),
    context,
  );
  return fromProgram(broker, context);
}

/** One sentence for both: whoever has to install one should not come back for the other. */
function nothingFound(env) {
  const missing = brokers.filter((each) => !env[each.variable] && findProgram(each.programs) === undefined);
  const names = missing.map(({ name }) => name).join(" and ");
  const variables = missing.map(({ variable }) => variable).join(" and ");
  const advice = installAdvice(missing.map(({ debianPackage }) => debianPackage));
  return new SetupError(
    `Parley needs ${names} and found none: install them (${advice}), or start Docker, or set ${variables} to running ones.`,
  );
}

async function find(broker, context) {
  const found =
    (await fromEnvironment(broker, context.env)) ??
    (await fromRecord(broker)) ??
    (await fromProgram(broker, context)) ??
    (await fromDocker(broker, context)) ??
    (await fromPackages(broker, context));
  if (found === undefined) throw nothingFound(context.env);
  return found;
}

/** Finds or starts NATS and Redis for this run and writes down that it uses them. Returns `{ nats, redis }`: their URLs. */
export async function acquireInfrastructure({ run, ports, env, signal }) {
  return withSetupLock(
    async () => {
      // First of all, so that from here on whatever is started has a user on record.
      writeRun(run);
      const urls = {};
      for (const broker of brokers) {
        urls[broker.key] = await phase(broker.name, async (note) => {
          const { url, text } = await find(broker, { env, ports, signal, note });
          return { text, value: url };
        });
      }
      return urls;
    },
    { signal, onWait: sayWaiting },
  );
}

export function sayWaiting(pid) {
  process.stdout.write(`  waiting for another script of this checkout (process ${pid}) to finish its set-up …\n`);
}

/** Forgets a run, and stops what was started for this checkout when no other run is left to use it. */
export async function releaseInfrastructure(pid) {
  await withSetupLock(async () => {
    if (readRun(pid) === undefined) return;
    removeRun(pid);
    if (otherRuns().some((other) => other.pid !== pid)) return;
    const records = readBrokers();
    for (const broker of brokers) {
      const record = records[broker.key];
      if (record?.kind === "private") await stopPrivate(broker, record);
      if (record?.kind === "container") await stopContainer(broker);
    }
    writeBrokers({});
  });
}
