import {
  addAuditFigures,
  auditNotes,
  connectRedis,
  fileSettings,
  natsAddress,
  openBus,
  openEncryption,
  redisAddress,
  streamSettings,
  type Bus,
} from "@parley/bus";
import {
  openLimits,
  type AdminPage,
  type Environment,
  type Lifecycle,
  type Logger,
  type Registry,
} from "@parley/runtime";
import { createAudit } from "./audit.ts";
import type { Config } from "./config.ts";
import { openHttpTools } from "./http-tools/http-tools.ts";
import { loadMcpFile } from "./mcp/mcp-file.ts";
import { startMcp } from "./mcp/start-mcp.ts";
import { openPolicy } from "./policy/live-policy.ts";
import { openQueueBoard } from "./queue-board/queue-board.ts";
import { toolsOf } from "./tool-list.ts";
import { createToolRegistry, type ToolRegistry } from "./tools/registry.ts";
import { openWorkshop } from "./tools/workshop/open-workshop.ts";

interface PartDeps {
  readonly config: Config;
  readonly log: Logger;
  readonly life: Lifecycle;
}

/** Who may what, by two files that are read again when they change. */
export async function openRules({ config, log, life }: PartDeps) {
  const limits = await openLimits({ file: config.LIMITS_FILE, log });
  life.use("the limits", limits.close);
  const policy = await openPolicy({ file: config.TOOL_POLICY_FILE, log });
  life.use("the policy", policy.close);
  return { limits, policy, problems: (): string[] => [...limits.problems(), ...policy.problems()] };
}

interface StoreDeps extends PartDeps {
  readonly worker: string;
}

/** The broker and Redis. */
export async function openStores({ worker, config, log, life }: StoreDeps) {
  // A process that runs tools reads keys and has no right to make any: edges make those of a tenant with its first conversation.
  const encryption = await openEncryption(config, { mayMakeKeys: "of tools' files", log });
  const stored = { ...streamSettings(config), files: fileSettings(config), ...encryption };
  const bus = await openBus({ ...natsAddress(config), name: worker, ...stored, log });
  life.use("the broker connection", bus.close);
  const redis = connectRedis({ ...redisAddress(config), role: "cache", log });
  life.use("Redis", () => redis.disconnect());
  return { bus, redis };
}

interface ToolSourceDeps extends PartDeps {
  readonly env: Environment;
  /** Of figures. */
  readonly figures: Registry;
}

/** All tools of this worker: its own, which never change, and those of services and of MCP servers, which come and go. */
export interface ToolSources {
  readonly registry: ToolRegistry;
  problems(): string[];
  onChange(listener: () => void): void;
  /** MCP servers are started when there is a broker, which keeps their tokens; the workshop's diaries are there and in Redis. */
  startServers(bus: Bus, redis: ReturnType<typeof connectRedis>): Promise<void>;
}

/** Reads all that says which tools there are. Throws a StartError for what is wrong in it. */
export async function openTools({ config, env, log, life, figures }: ToolSourceDeps): Promise<ToolSources> {
  const servers = await loadMcpFile(config.MCP_FILE, env);
  const own = await toolsOf({ config, env, log, registry: figures });
  const http = await openHttpTools({ folder: config.HTTP_TOOLS_DIR, env, log });
  life.use("the HTTP tools", http.close);
  let mcp: Awaited<ReturnType<typeof startMcp>> | undefined;
  const workshop = await openWorkshop({ file: config.WORKSHOP_FILE, replicas: config.STREAM_REPLICAS, logger: log });
  const registry = createToolRegistry([...own, ...workshop.tools], () => [...http.tools(), ...(mcp?.tools() ?? [])]);
  const listeners: (() => void)[] = [];
  const changed = (): void => listeners.forEach((listener) => listener());
  http.onChange(changed);
  return {
    registry,
    problems: () => [...http.problems(), ...(mcp?.problems() ?? [])],
    onChange: (listener) => void listeners.push(listener),
    async startServers(bus, redis) {
      workshop.connect(bus, redis);
      mcp = await startMcp({ servers, bus, config, log, life });
      mcp.onChange(changed);
    },
  };
}

interface AuditParts extends PartDeps {
  readonly bus: Bus;
  readonly worker: string;
  readonly figures: Registry;
}

/** Where there is none yet, calls that read are served all the same; it is made again with the next entry. */
export async function openAudit({ bus, worker, config, log, life, figures }: AuditParts) {
  addAuditFigures(figures, bus.audit);
  life.use("the audit log", bus.audit.settled);
  await bus.audit.setUp().catch((err: unknown) => log.error({ err }, "there is no audit log yet: nothing is changed"));
  return {
    log: createAudit({ bus, worker, withArguments: config.AUDIT_ARGUMENTS, log }),
    /** What a person should know of it, as sentences. */
    notes: (): Promise<string[]> => auditNotes(bus.audit, config.AUDIT_DAYS),
  };
}

/** What people look at on the admin port. */
export async function openPages({ config, log, life }: PartDeps): Promise<AdminPage[]> {
  const { ADMIN_TOKEN: token } = config;
  if (token === undefined) return [];
  const board = await openQueueBoard({ redis: redisAddress(config), token, log });
  life.use("the pages of the queue", board.close);
  return [board.page];
}
