import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import {
  addAuditFigures,
  addStorageFigures,
  auditNotes,
  connectionTokens,
  connectRedis,
  factNotes,
  fileSettings,
  natsAddress,
  openBus,
  openEncryption,
  openSealedTokens,
  redisAddress,
  streamSettings,
  type Bus,
  type SealedTokens,
} from "@parley/bus";
import {
  createLifecycle,
  createLogger,
  createMetrics,
  openLimits,
  readConfig,
  runMain,
  startAdmin,
  startTracing,
  type Environment,
  type Lifecycle,
  type LiveLimits,
  type Logger,
  type Registry,
} from "@parley/runtime";
import { z } from "zod";
import { createAddresses } from "./admission/address.ts";
import { openGateStore, type GateStore } from "./admission/gate-store.ts";
import { openApiKeys } from "./admission/api-keys.ts";
import { createOidc } from "./admission/oidc.ts";
import { readOidcSettings } from "./admission/oidc-settings.ts";
import { revokerOf } from "./admission-room.ts";
import { readTokenSettings } from "./admission/token-settings.ts";
import { startTokens } from "./admission/tokens.ts";
import { readConnectionSettings } from "./commands/connections/connection-file.ts";
import { Config, exemptAddresses, isWeakSecret } from "./config.ts";
import { startEdge } from "./edge.ts";
import { maxSocketsByFileLimit } from "./file-limit.ts";
import { createAdminRoutes } from "./transport/admin-routes.ts";
import { readPages } from "./transport/pages.ts";
import { readWebApp } from "./transport/web-app.ts";

const SERVICE = "edge";
const Package = z.object({ version: z.string() });

/** What comes with the build. */
async function readBuild({ WEB_DIR, AUTH_DEV }: Config) {
  const { version } = Package.parse(JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")));
  const testPage = await readPages(fileURLToPath(new URL("../pages/", import.meta.url)));
  const besideEdge = fileURLToPath(new URL("../../web/dist/", import.meta.url));
  const webApp = await readWebApp(WEB_DIR ?? besideEdge, { isNeeded: WEB_DIR !== undefined, hasDemo: AUTH_DEV });
  return { version, pages: new Map([...testPage, ...webApp]) };
}

function proxyRules(config: Config) {
  return { trusted: config.TRUSTED_PROXIES, exempt: exemptAddresses(config) };
}

/** Addresses that are never blocked. */
function sparedBy(config: Config): (address: string) => boolean {
  return createAddresses(proxyRules(config)).isSpared;
}

async function storageNotes({ facts, audit }: Bus, { AUDIT_DAYS }: Config): Promise<string[]> {
  const notes = await Promise.all([factNotes(facts).catch(() => []), auditNotes(audit, AUDIT_DAYS)]);
  return notes.flat();
}

function edgeSettings(config: Config) {
  return {
    listen: { host: config.HOST, port: config.PORT, isShared: config.REUSE_PORT },
    isDevelopment: config.AUTH_DEV,
    allowedOrigins: config.ALLOWED_ORIGINS,
    publicUrl: config.PUBLIC_URL,
    maxConnections: config.MAX_CONNECTIONS ?? maxSocketsByFileLimit(),
    maxHttpWaitMs: config.MAX_HTTP_WAIT_MS,
    noticeDelayMs: config.NOTICES ? config.NOTICE_DELAY_MS : undefined,
    noticeText: config.NOTICE_TEXT,
    push: { publicKey: config.VAPID_PUBLIC_KEY, hosts: config.PUSH_HOSTS },
    whence: proxyRules(config),
    files: { maxBytes: config.FILE_MAX_BYTES, keepUnattachedMs: config.FILE_KEEP_UNATTACHED_MS },
  };
}

interface Surroundings {
  readonly lifecycle: Lifecycle;
  readonly registry: Registry;
  readonly log: Logger;
}

/** The brokers, until the process ends. */
async function connect(config: Config, name: string, { lifecycle, registry, log }: Surroundings) {
  const encryption = await openEncryption(config, { mayMakeKeys: "all", log });
  const stored = { ...streamSettings(config), files: fileSettings(config), ...encryption };
  const bus = await openBus({ ...natsAddress(config), name, ...stored, log });
  lifecycle.use("broker", bus.close);
  addStorageFigures(registry, bus);
  addAuditFigures(registry, bus.audit);
  lifecycle.use("the audit log", bus.audit.settled);
  await bus.audit.setUp().catch((err: unknown) => log.error({ err }, "there is no audit log yet"));
  const redis = connectRedis({ ...redisAddress(config), role: "cache", log });
  lifecycle.use("Redis", () => redis.disconnect());
  return { bus, redis };
}

/** Who makes tokens, and where people sign in. Throws what is wrong with it. */
async function readMakers(config: Config, env: Environment) {
  const tokens = await readTokenSettings(config);
  const connecting = await readConnectionSettings(config, env);
  return { tokens, oidc: readOidcSettings(config, tokens), connecting };
}

/** The tokens of people's accounts, when somebody asks for them: an edge starts also where its role has no right to them yet. */
function lazyRecords(bus: Bus, replicas: number): SealedTokens {
  let opening: Promise<SealedTokens> | undefined;
  const opened = (): Promise<SealedTokens> => {
    opening ??= openSealedTokens(bus, { replicas, place: connectionTokens }).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
  return {
    last: async (hash) => (await opened()).last(hash),
    put: async (hash, data, behind) => (await opened()).put(hash, data, behind),
  };
}

type Makers = Awaited<ReturnType<typeof readMakers>>;

/** Signing in at the page, and connecting accounts. */
function waysOf(config: Config, makers: Makers, { bus, log }: { readonly bus: Bus; readonly log: Logger }) {
  const { connecting } = makers;
  const records = lazyRecords(bus, config.STREAM_REPLICAS);
  const accounts = typeof connecting === "object" ? { ...connecting, records } : undefined;
  return { signIn: signInOf(config, makers, log), accounts };
}

function connectingNotes({ connecting }: Makers): () => string[] {
  return () => (typeof connecting === "string" ? [connecting] : []);
}

/** What the file of limits says, as it is now. */
function liveRules({ current, may }: LiveLimits, { expel }: GateStore) {
  return {
    may,
    callerLimits: () => current().limits,
    callerQuotas: () => current().quotas,
    privacy: { retention: () => current().retention, erasure: () => current().erasure, expel },
  };
}

/** Signing in at the page; undefined: nobody can. */
function signInOf(config: Config, { oidc }: Makers, log: Logger) {
  if (oidc === undefined) return undefined;
  const times = { idleMs: config.SESSION_IDLE_MS, maxMs: config.SESSION_MAX_MS };
  return { oidc: createOidc(oidc, { log }), publicOrigin: new URL(oidc.redirectUrl).origin, times };
}

runMain(SERVICE, async ({ env }) => {
  const config = readConfig(Config, env);
  const makers = await readMakers(config, env);
  const log = createLogger({ service: SERVICE, level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  await using lifecycle = createLifecycle({ log, shutdownMs: config.SHUTDOWN_MS });
  if (config.AUTH_JWT_SECRET !== undefined && isWeakSecret(config.AUTH_JWT_SECRET))
    log.warn("AUTH_JWT_SECRET can be guessed: good enough for development only");

  // First of all, so that the process can be seen to live while it waits for the broker.
  let problems = (): string[] => ["The broker cannot be reached."];
  let notes = async (): Promise<string[]> => [];
  const registry = createMetrics({ service: SERVICE });
  const { ADMIN_HOST: host, ADMIN_PORT: port } = config;
  const operators = createAdminRoutes({ adminToken: config.ADMIN_TOKEN, registry, log });
  const { routes } = operators;
  const admin = await startAdmin({ host, port, registry, ready: () => problems(), notes: () => notes(), routes, log });
  lifecycle.use("admin", admin.close);
  const tokens = startTokens({ ...makers.tokens, registry, log });
  lifecycle.use("the keys of issuers", tokens.close);

  const apiKeys = await openApiKeys({ file: config.API_KEYS_FILE, registry, log });
  lifecycle.use("the API keys", apiKeys.close);

  const limits = await openLimits({ file: config.LIMITS_FILE, log });
  lifecycle.use("the limits", limits.close);

  const name = `${SERVICE}-${process.pid}`;
  const tracing = await startTracing({ service: SERVICE, instance: `${name}@${hostname()}`, settings: config, log });
  lifecycle.use("traces", tracing.close);
  const { bus, redis } = await connect(config, name, { lifecycle, registry, log });

  problems = () => ["What was revoked could not be read yet."];
  const addresses = () => limits.current().addresses;
  const gate = await openGateStore({ bus, redis, addresses, isExempt: sparedBy(config), registry, log });
  lifecycle.use("the gate", gate.close);

  const edge = await startEdge({
    ...{ bus, redis, tokens, gate, apiKeys },
    ...{ ...waysOf(config, makers, { bus, log }), revoke: revokerOf(gate) },
    ...liveRules(limits, gate),
    ...edgeSettings(config),
    ...(await readBuild(config)),
    tracing,
    registry,
    log,
  });
  lifecycle.use("edge", edge.stop);

  problems = edge.problems;
  operators.open({ ...edge, bus, gate, may: limits.may, audit: bus.audit });
  // Without the broker there is a problem to tell, and no note.
  const remarks = [connectingNotes(makers), tokens.notes, gate.notes, apiKeys.problems, limits.problems];
  notes = async () => [...remarks.flatMap((tell) => tell()), ...(await storageNotes(bus, config))];
  log.info({ address: `http://${config.HOST}:${edge.port}` }, "the edge is ready");
  await lifecycle.untilStopped();
});
