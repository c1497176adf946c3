import { randomUUID } from "node:crypto";
import { addStorageFigures, redisAddress, startToolWorker, type Bus } from "@parley/bus";
import {
  createLifecycle,
  createLogger,
  readConfig,
  runMain,
  startAdmin,
  type Lifecycle,
  type Logger,
} from "@parley/runtime";
import { keepAnnouncing } from "./announcement.ts";
import { createCallLog } from "./call-log.ts";
import { createCallRunner } from "./call-runner.ts";
import { listenForCancels } from "./cancellations.ts";
import { createCommittedCalls } from "./committed-calls.ts";
import { Config } from "./config.ts";
import { openNotices } from "./notices/notices.ts";
import { openAudit, openPages, openRules, openStores, openTools } from "./parts.ts";
import { createRunningCalls } from "./running-calls.ts";
import { createToolFiles } from "./tool-files.ts";
import { observe, startTelemetry } from "./telemetry.ts";

/** What is left of the shutdown time for storing results and closing connections, when running calls have had theirs. */
const CLOSE_MS = 3_000;

runMain("tool-worker", async ({ env }) => {
  const config = readConfig(Config, env);
  const log = createLogger({ service: "tool-worker", level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  await using life = createLifecycle({ log, shutdownMs: config.SHUTDOWN_MS });
  const worker = `tool-${randomUUID()}`;
  const telemetry = await startTelemetry({ config, log, life }, worker);
  const { metrics, tracing } = telemetry;
  const figures = metrics.registry;
  const tools = await openTools({ config, env, log, life, figures });
  const rules = await openRules({ config, log, life });

  // First of all, so that the process can be seen to live while it waits for the broker.
  let ready = (): string[] => ["The broker cannot be reached."];
  let notes = async (): Promise<string[]> => [...rules.problems(), ...tools.problems()];
  const pages = await openPages({ config, log, life });
  const { ADMIN_HOST: host, ADMIN_PORT: port } = config;
  const told = { ready: () => ready(), notes: () => notes() };
  const admin = await startAdmin({ host, port, registry: figures, pages, log, ...told });
  life.use("the admin server", admin.close);
  const { bus, redis } = await openStores({ worker, config, log, life });
  await tools.startServers(bus, redis);

  const running = createRunningCalls();
  observe(telemetry, { config, log, life }, running.count);
  addStorageFigures(figures, bus);
  const audit = await openAudit({ bus, worker, config, log, life, figures });
  notes = async () => [...rules.problems(), ...tools.problems(), ...(await audit.notes())];
  const calls = createCallLog({ bus, worker, log });
  life.use("cancels", listenForCancels({ bus, shards: config.SHARDS, calls, running, log }));
  // The broker must know of the subscription before the first call is taken.
  await bus.events.flush();
  const { policy, limits } = rules;
  const deciding = { may: limits.may, policy, committed: createCommittedCalls(bus), audit: audit.log };
  const decides = { ...deciding, approvalTtlMs: config.APPROVAL_TTL_MS };
  const onAsked = openNotices({ config, bus, redis, figures, log, life });
  const { registry } = tools;
  const runner = createCallRunner({
    ...{ registry, calls, keepFiles: createToolFiles({ bus, log }), ...decides },
    ...{ running, metrics, tracing, onAsked, log },
  });
  const queue = startQueue({ runner, texts: bus.texts, config, log, life });
  const definitions = () => tools.registry.definitions;
  const announcements = keepAnnouncing({ redis, definitions, config, log, life });
  tools.onChange(announcements.announce);

  const isRedisWell = (): boolean => queue.ready() && redis.status === "ready";
  ready = () => [...bus.problems(), ...problemsOf({ isRedisWell, ...announcements, life })];
  const names = definitions().map(({ name }) => name);
  log.info({ tools: names, concurrency: config.CONCURRENCY }, "the tool worker has started");
  await life.untilStopped();
});

interface Readiness {
  readonly isRedisWell: () => boolean;
  readonly isAnnounced: () => boolean;
  readonly life: Lifecycle;
}

/** What keeps this process from being ready, beside the broker. */
function problemsOf({ isRedisWell, isAnnounced, life }: Readiness): string[] {
  return [
    ...(isRedisWell() ? [] : ["Redis cannot be reached."]),
    ...(isAnnounced() ? [] : ["The tools are not announced yet."]),
    ...(life.signal.aborted ? ["The worker is stopping."] : []),
  ];
}

interface QueueDeps {
  readonly runner: ReturnType<typeof createCallRunner>;
  readonly texts: Bus["texts"];
  readonly config: Config;
  readonly log: Logger;
  readonly life: Lifecycle;
}

function startQueue({ runner, texts, config, log, life }: QueueDeps) {
  const { CONCURRENCY: concurrency, LOCK_MS, STALLED_CHECK_MS } = config;
  const options = {
    ...redisAddress(config),
    concurrency,
    lockDurationMs: LOCK_MS,
    stalledIntervalMs: STALLED_CHECK_MS,
  };
  const queue = startToolWorker({ ...options, texts, run: runner.run, onAbandoned: runner.abandon, log });
  life.use("running calls", () => queue.close(Math.max(0, config.SHUTDOWN_MS - CLOSE_MS)));
  return queue;
}
