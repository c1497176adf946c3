import { randomUUID } from "node:crypto";
import {
  addAuditFigures,
  addStorageFigures,
  auditNotes,
  connectRedis,
  createToolCatalogue,
  natsAddress,
  openBus,
  redisAddress,
  startToolWorker,
  streamSettings,
} from "@parley/bus";
import { createLifecycle, createLogger, openLimits, readConfig, runMain, startAdmin } from "@parley/runtime";
import { keepAnnouncing } from "./announcement.ts";
import { createAudit } from "./audit.ts";
import { createCallLog } from "./call-log.ts";
import { createCallRunner } from "./call-runner.ts";
import { listenForCancels } from "./cancellations.ts";
import { createCommittedCalls } from "./committed-calls.ts";
import { Config } from "./config.ts";
import { openPolicy } from "./policy/live-policy.ts";
import { createRunningCalls } from "./running-calls.ts";
import { observe, startTelemetry, type TelemetryDeps } from "./telemetry.ts";
import { toolsOf } from "./tool-list.ts";
import { createToolRegistry } from "./tools/registry.ts";

/** What is left of the shutdown time for storing results and closing connections, when running calls have had theirs. */
const CLOSE_MS = 3_000;

runMain("tool-worker", async ({ env }) => {
  const config = readConfig(Config, env);
  const log = createLogger({ service: "tool-worker", level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  await using life = createLifecycle({ log, shutdownMs: config.SHUTDOWN_MS });
  const worker = `tool-${randomUUID()}`;
  const telemetry = await startTelemetry({ config, log, life }, worker);
  const { metrics, tracing } = telemetry;
  const registry = createToolRegistry(await toolsOf({ config, env, log, registry: metrics.registry }));
  const { may, policy, notes: fileNotes } = await openRules({ config, log, life });

  // First of all, so that the process can be seen to live while it waits for the broker.
  let ready = (): string[] => ["The broker cannot be reached."];
  const { ADMIN_HOST: host, ADMIN_PORT: port } = config;
  let notes = async (): Promise<string[]> => fileNotes();
  const admin = await startAdmin({
    ...{ host, port, registry: metrics.registry, log },
    ...{ ready: () => ready(), notes: () => notes() },
  });
  life.use("the admin server", admin.close);
  const bus = await openBus({ ...natsAddress(config), name: worker, ...streamSettings(config), log });
  life.use("the broker connection", bus.close);
  const redis = connectRedis({ ...redisAddress(config), role: "cache", log });
  life.use("Redis", () => redis.disconnect());

  const running = createRunningCalls();
  observe(telemetry, { config, log, life }, running.count);
  addStorageFigures(metrics.registry, bus);
  addAuditFigures(metrics.registry, bus.audit);
  life.use("the audit log", bus.audit.settled);
  await bus.audit.setUp().catch((err: unknown) => log.error({ err }, "there is no audit log yet: nothing is changed"));
  notes = async () => [...fileNotes(), ...(await auditNotes(bus.audit, config.AUDIT_DAYS))];
  const calls = createCallLog({ bus, worker, log });
  life.use("cancels", listenForCancels({ bus, shards: config.SHARDS, calls, running, log }));
  // The broker must know of the subscription before the first call is taken.
  await bus.events.flush();
  const audit = createAudit({ bus, worker, withArguments: config.AUDIT_ARGUMENTS, log });
  const decides = { may, policy, committed: createCommittedCalls(bus), audit };
  const approvalTtlMs = config.APPROVAL_TTL_MS;
  const runner = createCallRunner({ registry, calls, ...decides, approvalTtlMs, running, metrics, tracing, log });
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
  const tools = definitions.map(({ name }) => name);
  log.info({ tools, concurrency: config.CONCURRENCY }, "the tool worker has started");
  await life.untilStopped();
});

/** What callers may, and what becomes of their calls. */
async function openRules({ config, log, life }: TelemetryDeps) {
  const limits = await openLimits({ file: config.LIMITS_FILE, log });
  life.use("the limits", limits.close);
  const policy = await openPolicy({ file: config.TOOL_POLICY_FILE, log });
  life.use("the policy", policy.close);
  return { may: limits.may, policy, notes: (): string[] => [...limits.problems(), ...policy.problems()] };
}

function queueOptions(config: Config) {
  const { CONCURRENCY: concurrency, LOCK_MS, STALLED_CHECK_MS } = config;
  return { ...redisAddress(config), concurrency, lockDurationMs: LOCK_MS, stalledIntervalMs: STALLED_CHECK_MS };
}
