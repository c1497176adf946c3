import { randomBytes } from "node:crypto";
import path from "node:path";
import { type Broker, type NatsServer, startNats, startRedis } from "./brokers.ts";
import { type Service, type ServiceName, startService } from "./service.ts";
import { tempDir } from "./temp-dir.ts";

const SECRET_BYTES = 32;

export type SystemOptions = {
  edges?: number;
  agentWorkers?: number;
  toolWorkers?: number;
  /** Where the brokers keep their data; kept afterwards. Default: folders of their own. */
  stores?: { readonly nats: string; readonly redis: string };
  /** More environment for each process of that name; wins over what the system sets. */
  env?: Partial<Record<ServiceName, Record<string, string>>>;
};

/** All of Parley on free ports, with simulated model and cluster. */
export type System = {
  readonly nats: NatsServer;
  readonly redis: Broker;
  readonly modelSimulator: Service;
  readonly clusterSimulator: Service;
  readonly edges: readonly Service[];
  readonly agentWorkers: readonly Service[];
  readonly toolWorkers: readonly Service[];
  /** With this the edges check tokens, so a test can make its own. */
  readonly jwtSecret: string;
  /** Adds one more process of that kind, with the system's environment. It belongs to the system. */
  add(name: "edge" | "agent-worker" | "tool-worker"): Promise<Service>;
  [Symbol.asyncDispose](): Promise<void>;
};

type Releasable = { [Symbol.asyncDispose](): Promise<void> };

/** What was started, so that a failure half way leaves nothing running either. */
function createBelongings() {
  const belongings: Releasable[] = [];
  return {
    async own<T extends Releasable>(starting: Promise<T>): Promise<T> {
      const started = await starting;
      belongings.push(started);
      return started;
    },
    async release(): Promise<void> {
      while (belongings.length > 0) await belongings.pop()?.[Symbol.asyncDispose]();
    },
  };
}

type Belongings = ReturnType<typeof createBelongings>;

/** All of them, or the first error; but only when the others have settled too, so that none is forgotten. */
async function settle<T>(starting: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(starting);
  return Promise.all(starting);
}

async function startSurroundings({ own }: Belongings, { env = {}, stores }: SystemOptions) {
  const folder = await own(tempDir());
  const kubeconfig = path.join(folder.path, "kubeconfig");
  const nats = own(startNats(stores === undefined ? {} : { dir: stores.nats }));
  const redis = own(startRedis(stores === undefined ? {} : { dir: stores.redis }));
  const modelSimulator = own(startService("model-simulator", { ...env["model-simulator"] }));
  const clusterSimulator = own(
    startService("cluster-simulator", { KUBECONFIG_OUT: kubeconfig, ...env["cluster-simulator"] }),
  );
  await settle<unknown>([nats, redis, modelSimulator, clusterSimulator]);
  return {
    nats: await nats,
    redis: await redis,
    modelSimulator: await modelSimulator,
    clusterSimulator: await clusterSimulator,
    kubeconfig,
  };
}

type Surroundings = Awaited<ReturnType<typeof startSurroundings>>;

function environmentOf(name: ServiceName, surroundings: Surroundings, jwtSecret: string): Record<string, string> {
  const common = { NATS_URL: surroundings.nats.url, REDIS_URL: surroundings.redis.url };
  if (name === "edge") return { ...common, AUTH_DEV: "1", AUTH_JWT_SECRET: jwtSecret };
  if (name === "tool-worker") {
    const access = { KUBECONFIG: surroundings.kubeconfig, KUBE_OPERATOR_CONTEXT: "operator" };
    return { ...common, ...access, KUBE_LABEL: "simulated cluster" };
  }
  return {
    ...common,
    OPENAI_BASE_URL: `http://127.0.0.1:${surroundings.modelSimulator.port}/v1`,
    OPENAI_API_KEY: "simulated",
    OPENAI_MODEL: "parley-simulated",
  };
}

async function startAll(belongings: Belongings, options: SystemOptions): Promise<Omit<System, symbol>> {
  const { edges = 1, agentWorkers = 1, toolWorkers = 1, env = {} } = options;
  const surroundings = await startSurroundings(belongings, options);
  const jwtSecret = randomBytes(SECRET_BYTES).toString("hex");
  const add = (name: ServiceName): Promise<Service> =>
    belongings.own(startService(name, { ...environmentOf(name, surroundings, jwtSecret), ...env[name] }));
  const addMany = (name: ServiceName, count: number): Promise<Service>[] =>
    Array.from({ length: count }, () => add(name));
  const starting = {
    edges: addMany("edge", edges),
    agentWorkers: addMany("agent-worker", agentWorkers),
    toolWorkers: addMany("tool-worker", toolWorkers),
  };
  await settle(Object.values(starting).flat());
  const { kubeconfig: _written, ...handles } = surroundings;
  return {
    ...handles,
    edges: await Promise.all(starting.edges),
    agentWorkers: await Promise.all(starting.agentWorkers),
    toolWorkers: await Promise.all(starting.toolWorkers),
    jwtSecret,
    add,
  };
}

/** Starts brokers, simulators, workers and edges, and waits until each says that it is ready. */
export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const belongings = createBelongings();
  try {
    return { ...(await startAll(belongings, options)), [Symbol.asyncDispose]: belongings.release };
  } catch (error) {
    await belongings.release();
    throw error;
  }
}
