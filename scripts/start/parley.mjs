import { acquireInfrastructure, releaseInfrastructure } from "../setup/infrastructure.mjs";
import { createPorts } from "../setup/ports.mjs";
import { prepare } from "../setup/prepare.mjs";
import { say, sayOf, seconds } from "../setup/progress.mjs";
import { writeRun } from "../setup/run-records.mjs";
import { watchBrokers } from "./broker-watch.mjs";
import { startDeathWatch } from "./death-watch.mjs";
import { checkEdgePort, logSuffix, removeDeadRuns } from "./ground.mjs";
import { readOptions, usage } from "./options.mjs";
import { chosenServices, planProcesses } from "./plan.mjs";
import { checkSettings } from "./settings.mjs";
import { sayAddress, sayTable } from "./summary.mjs";
import { createSupervisor } from "./supervisor.mjs";

function untilAborted(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

async function startAll({ options, env, run, supervisor, signal }) {
  const startedAt = performance.now();
  const ports = createPorts();
  ports.reserve(options.port);
  const urls = await acquireInfrastructure({ run, ports, env, signal });
  for (const group of await planProcesses({ options, env, urls, ports })) {
    if (signal.aborted) return;
    await Promise.race([supervisor.startGroup(group), untilAborted(signal)]);
  }
  if (signal.aborted) return;
  sayOf("all", `ready (${seconds(performance.now() - startedAt)} after the build)`);
  sayTable(supervisor.processes(), urls);
  sayAddress(options.port, chosenServices(options.only, env).has("edge"));
  const brokerWatch = watchBrokers();
  await untilAborted(signal);
  await brokerWatch.stop();
}

/**
 * `npm start`: sets up what is missing, starts every process, says where to look, and stays until `signal` stops it. When
 * it returns nothing that it started is left running. `hurry` ends the processes at once instead of in order.
 */
export async function runParley({ args, env, signal, hurry }) {
  const options = readOptions(args, env);
  if (options.help) return say(usage);
  const services = chosenServices(options.only, env);
  const needsEdge = services.has("edge");
  if (options.problems.length > 0) await checkSettings(services, env, options.problems);
  say(`Parley on Node ${process.versions.node}`);
  await removeDeadRuns();
  if (needsEdge) await checkEdgePort(options.port);
  const node = await prepare({ needsEdge, signal });
  await checkSettings(services, env);

  const run = { pid: process.pid, port: options.port };
  const onChange = (children) => writeRun({ ...run, children });
  const supervisor = createSupervisor({ node, verbose: options.verbose, logSuffix: logSuffix(options.port), onChange });
  hurry.addEventListener("abort", () => supervisor.kill());
  const deathWatch = startDeathWatch();
  try {
    return await startAll({ options, env, run, supervisor, signal });
  } finally {
    if (supervisor.processes().length > 0) say("  stopping …");
    await supervisor.stop();
    await releaseInfrastructure(process.pid);
    deathWatch.stop();
  }
}
