import { randomBytes } from "node:crypto";
import { freePort, startNats, startRedis, startService, type Broker, type Service } from "@parley/testkit";
import { type Model, startModel } from "../../../loadtest/bench/turns/model.ts";
import { createBelongings, type Belongings } from "../../chaos/world/belongings.ts";

export interface Shape {
  readonly edges: number;
  readonly agents: number;
  readonly tools: number;
  /** `bare` costs a fifth of the simulator, and understands no more than so many tokens at such a rate. */
  readonly model: "simulator" | "bare";
}

/** A process whose costs are measured. */
export interface Measured {
  readonly name: string;
  readonly pid: number;
  /** Where one of Parley's own tells its figures. */
  readonly adminPort?: number;
  /** It makes the load and is no part of Parley: the generator, the model, whoever watches. */
  readonly isLoad?: boolean;
}

export interface World {
  readonly edges: readonly Service[];
  readonly agents: readonly Service[];
  readonly nats: Broker;
  readonly natsMonitorPort: number;
  readonly redis: Broker;
  readonly jwtSecret: string;
  readonly processes: readonly Measured[];
  /** What each of Parley's processes has written, by its name. */
  logs(): ReadonlyMap<string, string>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Many processes start at once, on a machine that may be full. */
const startDeadlineMs = 120_000;

async function startSimulator(): Promise<Model> {
  const service = await startService("model-simulator", { LOG_LEVEL: "warn" }, { startDeadlineMs });
  return Object.assign(service, { url: `http://127.0.0.1:${service.port}/v1` });
}

async function startGround(belongings: Belongings, { model: kind }: Shape) {
  const natsMonitorPort = await freePort();
  const starting = [
    belongings.own(startNats({ args: ["-m", String(natsMonitorPort)] })),
    belongings.own(startRedis()),
    belongings.own(kind === "bare" ? startModel() : startSimulator()),
  ] as const;
  await Promise.allSettled(starting);
  const [nats, redis, model] = await Promise.all(starting);
  return { nats, redis, model, natsMonitorPort, jwtSecret: randomBytes(32).toString("hex") };
}

type Ground = Awaited<ReturnType<typeof startGround>>;

/** As in a deployment, except for the addresses: what is measured is what somebody gets who sets nothing. */
function environments({ nats, redis, model, jwtSecret }: Ground, { tools }: Shape) {
  const common = { NATS_URL: nats.url, REDIS_URL: redis.url, LOG_LEVEL: "warn" };
  return {
    edge: { ...common, AUTH_JWT_SECRET: jwtSecret },
    "agent-worker": {
      ...common,
      ...(tools === 0 ? { TOOLS_WAIT_MS: "0" } : {}),
      OPENAI_BASE_URL: model.url,
      OPENAI_API_KEY: "simulated",
      OPENAI_MODEL: "parley-simulated",
    },
    "tool-worker": { ...common, DEMO_TOOLS: "1" },
  };
}

async function startAll(belongings: Belongings, shape: Shape): Promise<Omit<World, symbol>> {
  const ground = await startGround(belongings, shape);
  const env = environments(ground, shape);
  const many = (name: keyof typeof env, count: number): Promise<Service>[] =>
    Array.from({ length: count }, () => belongings.own(startService(name, env[name], { startDeadlineMs })));
  const starting = {
    edge: many("edge", shape.edges),
    agent: many("agent-worker", shape.agents),
    tool: many("tool-worker", shape.tools),
  };
  await Promise.allSettled(Object.values(starting).flat());
  const edges = await Promise.all(starting.edge);
  const agents = await Promise.all(starting.agent);
  const own = [
    ...numbered("edge", edges),
    ...numbered("agent worker", agents),
    ...numbered("tool worker", await Promise.all(starting.tool)),
  ];
  return {
    ...ground,
    edges,
    agents,
    logs: () => new Map(own.map(({ name, service }) => [name, service.output()])),
    processes: [
      ...own.map(({ name, service: { pid, adminPort } }) => ({ name, pid, adminPort })),
      { name: "NATS", pid: ground.nats.pid },
      { name: "Redis", pid: ground.redis.pid },
      { name: `model ${shape.model === "bare" ? "server" : "simulator"}`, pid: ground.model.pid, isLoad: true },
    ],
  };
}

function numbered(name: string, services: readonly Service[]): { name: string; service: Service }[] {
  return services.map((service, index) => ({ name: services.length === 1 ? name : `${name} ${index + 1}`, service }));
}

/** Starts all of Parley with real brokers and the simulated model, and waits until it is ready. */
export async function startWorld(shape: Shape): Promise<World> {
  const belongings = createBelongings();
  try {
    return { ...(await startAll(belongings, shape)), [Symbol.asyncDispose]: belongings.release };
  } catch (error) {
    await belongings.release();
    throw error;
  }
}
