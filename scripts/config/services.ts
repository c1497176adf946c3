import { fileFields, fileSettings, natsAddress, openMasterKeys, redisAddress, requireTlsFiles } from "@parley/bus";
import {
  brokerFields,
  createLogger,
  createMetrics,
  encryptionFields,
  limitsFile,
  openLimits,
  readConfig,
  redisFields,
  StartError,
  type Environment,
} from "@parley/runtime";
import { z } from "zod";
import { Config as AgentWorkerConfig } from "../../services/agent-worker/src/config.ts";
import { readStartSettings } from "../../services/agent-worker/src/start-settings.ts";
import { Config as ClusterSimulatorConfig } from "../../services/cluster-simulator/src/config.ts";
import { openApiKeys } from "../../services/edge/src/admission/api-keys.ts";
import { readOidcSettings } from "../../services/edge/src/admission/oidc-settings.ts";
import { readTokenSettings } from "../../services/edge/src/admission/token-settings.ts";
import { readConnectionSettings } from "../../services/edge/src/commands/connections/connection-file.ts";
import { Config as EdgeConfig } from "../../services/edge/src/config.ts";
import { Config as ModelSimulatorConfig } from "../../services/model-simulator/src/config.ts";
import { Config as ToolWorkerConfig } from "../../services/tool-worker/src/config.ts";
import { loadMcpFile, noTokenKey } from "../../services/tool-worker/src/mcp/mcp-file.ts";
import { openPolicy } from "../../services/tool-worker/src/policy/live-policy.ts";
import { openHttpTools } from "../../services/tool-worker/src/http-tools/http-tools.ts";
import { toolsOf } from "../../services/tool-worker/src/tool-list.ts";
import { loadWorkshop } from "../../services/tool-worker/src/tools/workshop/workshop-file.ts";

/** Every service and the schema that it reads its own environment with. */
export const services: ReadonlyMap<string, z.ZodObject> = new Map<string, z.ZodObject>([
  ["edge", EdgeConfig],
  ["agent-worker", AgentWorkerConfig],
  ["tool-worker", ToolWorkerConfig],
  ["model-simulator", ModelSimulatorConfig],
  ["cluster-simulator", ClusterSimulatorConfig],
]);

/** Those that a deployment has; simulators are for development, and for whoever names them. */
export const deployed = ["edge", "agent-worker", "tool-worker"];

type StartCheck = (env: Environment) => Promise<unknown>;

const checkBrokers: readonly StartCheck[] = [
  async (env) => {
    const { servers, tls } = natsAddress(readConfig(z.object(brokerFields()), env));
    requireTlsFiles("NATS", servers, tls);
  },
  async (env) => {
    const { url, tls } = redisAddress(readConfig(z.object(redisFields("")), env));
    requireTlsFiles("REDIS", url, tls);
  },
];

/** All three read it. */
const checkLimits: StartCheck = async (env) => {
  const { LIMITS_FILE: file } = readConfig(z.object({ LIMITS_FILE: limitsFile() }), env);
  (await openLimits({ file, log: silentLog() })).close();
};

const checkStores: readonly StartCheck[] = [
  async (env) => fileSettings(readConfig(z.object(fileFields()), env)),
  async (env) => (await openMasterKeys(readConfig(z.object(encryptionFields()), env), silentLog()))?.close(),
];

/** All three do. */
const checkShared: readonly StartCheck[] = [checkLimits, ...checkStores, ...checkBrokers];

/** What a process does with its settings before it connects to anything: the service's own code, so that both say the same. */
export const startChecks: ReadonlyMap<string, readonly StartCheck[]> = new Map<string, readonly StartCheck[]>([
  ["edge", [checkTokens, checkApiKeys, checkConnections, ...checkShared]],
  ["agent-worker", [(env) => readStartSettings(readConfig(AgentWorkerConfig, env), env), ...checkShared]],
  [
    "tool-worker",
    [
      (env) => toolsOf({ config: readConfig(ToolWorkerConfig, env), env, log: silentLog() }),
      checkPolicy,
      checkHttpTools,
      checkMcp,
      checkWorkshop,
      ...checkShared,
    ],
  ],
]);

async function checkPolicy(env: Environment): Promise<void> {
  const { TOOL_POLICY_FILE: file } = readConfig(ToolWorkerConfig, env);
  (await openPolicy({ file, log: silentLog() })).close();
}

async function checkMcp(env: Environment): Promise<void> {
  const { MCP_FILE: file, MCP_TOKEN_KEY: key } = readConfig(ToolWorkerConfig, env);
  const servers = await loadMcpFile(file, env);
  if (key === undefined && servers.some(({ oauth, personal }) => oauth ?? personal)) throw new StartError(noTokenKey);
}

async function checkHttpTools(env: Environment): Promise<void> {
  const { HTTP_TOOLS_DIR: folder } = readConfig(ToolWorkerConfig, env);
  (await openHttpTools({ folder, env, log: silentLog() })).close();
}

async function checkWorkshop(env: Environment): Promise<void> {
  await loadWorkshop(readConfig(ToolWorkerConfig, env).WORKSHOP_FILE);
}

async function checkTokens(env: Environment): Promise<void> {
  const config = readConfig(EdgeConfig, env);
  readOidcSettings(config, await readTokenSettings(config));
}

async function checkConnections(env: Environment): Promise<void> {
  await readConnectionSettings(readConfig(EdgeConfig, env), env);
}

async function checkApiKeys(env: Environment): Promise<void> {
  const config = readConfig(EdgeConfig, env);
  const registry = createMetrics({ service: "edge" });
  (await openApiKeys({ file: config.API_KEYS_FILE, registry, log: silentLog() })).close();
}

function silentLog() {
  return createLogger({ service: "config", level: "silent", format: "json" });
}
