import { randomUUID } from "node:crypto";
import {
  addStorageFigures,
  connectRedis,
  createToolCatalogue,
  openBus,
  startToolWorker,
  streamSettings,
} from "@parley/bus";
import {
  createLifecycle,
  createLogger,
  readConfig,
  runMain,
  startAdmin,
  type Environment,
  type Logger,
} from "@parley/runtime";
import { keepAnnouncing } from "./announcement.ts";
import { createCallLog } from "./call-log.ts";
import { createCallRunner } from "./call-runner.ts";
import { listenForCancels } from "./cancellations.ts";
import { Config } from "./config.ts";
import { createNamespaceRule } from "./kubernetes/namespace-rule.ts";
import { createRunningCalls } from "./running-calls.ts";
import { observe, startTelemetry } from "./telemetry.ts";
import { createDemoTools } from "./tools/demo/demo-tools.ts";
import { createToolRegistry } from "./tools/registry.ts";
import type { Tool } from "./tools/tool.ts";

/** What is left of the shutdown time for storing results and closing connections, when running calls have had theirs. */
const CLOSE_MS = 3_000;

runMain("tool-worker", async ({ env }) => {
  const config = readConfig(Config, env);
  const log = createLogger({ service: "tool-worker", level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  await using life = createLifecycle({ log, shutdownMs: config.SHUTDOWN_MS });
  const worker = `tool-${randomUUID()}`;
  const registry = createToolRegistry(await toolsOf(config, env, log));
  const telemetry = await startTelemetry({ config, log, life }, worker);
  const { metrics, tracing } = telemetry;

  // First of all, so that the process can be seen to live while it waits for the broker.
  let ready = (): string[] => ["The broker cannot be reached."];
  const { ADMIN_HOST: host, ADMIN_PORT: port } = config;
  const admin = await startAdmin({ host, port, registry: metrics.registry, ready: () => ready(), log });
  life.use("the admin server", admin.close);
  const bus = await openBus({ servers: config.NATS_URL, name: worker, ...streamSettings(config), log });
  life.use("the broker connection", bus.close);
  const redis = connectRedis({ url: config.REDIS_URL, role: "cache", log });
  life.use("Redis", () => redis.disconnect());

  const running = createRunningCalls();
  observe(telemetry, { config, log, life }, running.count);
  addStorageFigures(metrics.registry, bus);
  const calls = createCallLog({ bus, worker, log });
  life.use("cancels", listenForCancels({ bus, shards: config.SHARDS, calls, running, log }));
  // The broker must know of the subscription before the first call is taken.
  await bus.events.flush();
  const runner = createCallRunner({ registry, calls, running, metrics, tracing, log });
  const queue = startToolWorker({ ...queueOptions(config), run: runner.run, onAbandoned: runner.abandon, log });
  life.use("running calls", () => queue.close(Math.max(0, config.SHUTDOWN_MS - CLOSE_MS)));
  const { definitions } = registry;
  const announcements = keepAnnouncing({ catalogue: createToolCatalogue({ redis, log }), redis, definitions, log });
  life.use("announcements", announcements.stop);

  ready = () => [
    ...bus.problems(),
    ...(queue.ready() && redis.status === "ready" ? [] : ["Redis cannot be reached."]),
    ...(announcements.isAnnounced() ? [] : ["The tools are not announced yet."]),
    ...(life.signal.aborted ? ["The worker is stopping."] : []),
  ];
  log.info(
    { tools: definitions.map(({ name }) => name), concurrency: config.CONCURRENCY },
    "the tool worker has started",
  );
  await life.untilStopped();
});

function queueOptions({ REDIS_URL: url, CONCURRENCY: concurrency, LOCK_MS, STALLED_CHECK_MS }: Config) {
  return { url, concurrency, lockDurationMs: LOCK_MS, stalledIntervalMs: STALLED_CHECK_MS };
}

/** The explicit list of what this worker can do. */
async function toolsOf(config: Config, env: Environment, log: Logger): Promise<Tool[]> {
  return [
    ...(await kubernetesToolsOf(config, env, log)),
    ...(config.DEMO_TOOLS ? createDemoTools({ counterFile: config.DEMO_COUNTER_FILE }) : []),
  ];
}

async function kubernetesToolsOf(config: Config, env: Environment, log: Logger): Promise<Tool[]> {
  const inCluster = config.KUBERNETES_SERVICE_HOST !== undefined;
  if (config.KUBECONFIG === undefined && !inCluster) {
    log.info("there are no Kubernetes tools: set KUBECONFIG to offer them");
    return [];
  }
  // Only now: its client has 2,700 modules, half of the time in which a worker without a cluster starts.
  const { openCluster } = await import("./kubernetes/cluster.ts");
  const { createKubernetesTools } = await import("./kubernetes/kubernetes-tools.ts");
  const cluster = openCluster({
    kubeconfig: config.KUBECONFIG,
    inCluster,
    label: config.KUBE_LABEL,
    namespaces: createNamespaceRule(config.KUBE_NAMESPACES),
    ...{ env, log },
  });
  return cluster === undefined ? [] : createKubernetesTools(cluster);
}
