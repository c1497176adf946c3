import { randomBytes } from "node:crypto";
import path from "node:path";
import { openBus, type Bus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import {
  startNatsCluster,
  startRedis,
  startService,
  tempDir,
  type Broker,
  type Service,
  type Treat,
} from "@parley/testkit";
import { subjects, type EventAddress } from "@parley/protocol";
import type { BrokerKind, MemberKind } from "../faults/fault.ts";
import { createLateCopies, type LateCopies } from "../faults/late-copies.ts";
import type { Random } from "../plan/random.ts";
import { testEncryption } from "../../e2e/test-encryption.ts";
import { createBelongings, type Belongings } from "./belongings.ts";
import { ackWaitMs, environmentOf } from "./environment.ts";
import { startMember, type Member } from "./member.ts";

/** The processes of a scenario, and how they are set. */
export interface Shape {
  readonly agents: number;
  readonly edges: number;
  readonly tools: number;
  /** Each with a copy of every stream. */
  readonly natsServers: 1 | 3;
  /** Whose connection to NATS leads through a proxy that can stall or sever it. */
  readonly proxied: readonly MemberKind[];
  /** How live copies of events reach these. */
  readonly late: Readonly<Partial<Record<MemberKind, LateCopies>>>;
  /** Whether Redis keeps its data when it is killed. */
  readonly redisKeepsData: boolean;
  readonly env: Readonly<Partial<Record<MemberKind, Readonly<Record<string, string>>>>>;
}

export const ordinaryShape: Shape = {
  agents: 3,
  edges: 2,
  tools: 2,
  natsServers: 1,
  proxied: [],
  late: {},
  redisKeepsData: true,
  env: {},
};

/** All of Parley as processes of its own, with real brokers and a simulated model. */
export interface World {
  readonly brokers: Readonly<Record<BrokerKind, readonly Broker[]>>;
  readonly model: Service;
  readonly members: Readonly<Record<MemberKind, readonly Member[]>>;
  /** The harness's own way to the brokers' data; never through a proxy. */
  readonly bus: Bus;
  readonly jwtSecret: string;
  /** `demo_counter` writes a line into it for each execution. */
  readonly counterFile: string;
  edgeUrls(): readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

async function startGround(belongings: Belongings, shape: Shape) {
  const folder = await belongings.own(tempDir());
  const starting = [
    belongings.own(startNatsCluster(shape.natsServers)),
    belongings.own(startRedis({ persist: shape.redisKeepsData })),
    belongings.own(startService("model-simulator", { LOG_LEVEL: "warn" })),
  ] as const;
  await Promise.allSettled(starting);
  const [nats, redis, model] = await Promise.all(starting);
  const log = createLogger({ service: "chaos", level: "silent", format: "json" });
  const encryption = await testEncryption();
  const bus = await openBus({
    servers: nats.url,
    name: "chaos",
    replicas: shape.natsServers,
    ackWaitMs,
    log,
    ...encryption,
  });
  belongings.defer(() => bus.close());
  return { nats, redis, model, bus, counterFile: path.join(folder.path, "executions") };
}

/** A request to cancel as an edge writes it, and as late as an edge may: it looked whether the turn runs, and then the turn ended. */
function cancelLate({ events }: Bus, { shard, conversation, turn }: EventAddress): void {
  const event = { type: "cancel_requested", conversation_id: conversation, turn_id: turn } as const;
  const written = events.writeOnce(subjects.control(shard, conversation, turn), {
    ...event,
    ts: Date.now(),
    by: "late",
    reason: "cancelled by user",
  });
  // The broker may be away: then the end comes without it.
  written.catch(() => undefined);
}

async function startAll(belongings: Belongings, shape: Shape, random: Random): Promise<Omit<World, symbol>> {
  const ground = await startGround(belongings, shape);
  const cancel = (turn: EventAddress): void => cancelLate(ground.bus, turn);
  const treatOf = (kind: MemberKind, index: number): Treat | undefined => {
    const late = shape.late[kind];
    return late === undefined ? undefined : createLateCopies(late, { random: random.fork(`${kind} ${index}`), cancel });
  };
  const jwtSecret = randomBytes(32).toString("hex");
  const startMany = (kind: MemberKind, count: number): Promise<Member>[] =>
    Array.from({ length: count }, (_, index) => {
      const env = { ...environmentOf(kind, { ...ground, jwtSecret }), ...shape.env[kind] };
      const [treat, isProxied] = [treatOf(kind, index), shape.proxied.includes(kind)];
      return belongings.own(startMember({ kind, index, env, nats: ground.nats, isProxied, treat }));
    });
  const starting = {
    agent: startMany("agent", shape.agents),
    edge: startMany("edge", shape.edges),
    tool: startMany("tool", shape.tools),
  };
  await Promise.allSettled(Object.values(starting).flat());
  const members = {
    agent: await Promise.all(starting.agent),
    edge: await Promise.all(starting.edge),
    tool: await Promise.all(starting.tool),
  };
  return {
    brokers: { nats: ground.nats.servers, redis: [ground.redis] },
    model: ground.model,
    members,
    bus: ground.bus,
    jwtSecret,
    counterFile: ground.counterFile,
    edgeUrls: () => members.edge.map(({ service }) => `ws://127.0.0.1:${service.port}/ws/chat`),
  };
}

/** Starts everything and waits until it is ready. `random`: for what happens on the way between processes. */
export async function startWorld(shape: Shape, random: Random): Promise<World> {
  const belongings = createBelongings();
  try {
    return { ...(await startAll(belongings, shape, random)), [Symbol.asyncDispose]: belongings.release };
  } catch (error) {
    await belongings.release();
    throw error;
  }
}
