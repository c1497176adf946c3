import { randomBytes } from "node:crypto";
import path from "node:path";
import { eventually, startNats, startRedis, startTcpProxy, tempDir } from "@parley/testkit";
import { access } from "node:fs/promises";
import { createBelongings, type Belongings } from "../chaos/world/belongings.ts";
import { startMember, type Member, type Version } from "./member.ts";

const processesPerRole = 2;
/** Workers first: what edges of the new version may ask for, somebody must be able to do. */
const upgradeOrder = ["tool-worker", "agent-worker", "edge"] as const;
type ReplacedRole = (typeof upgradeOrder)[number];

/** A whole Parley whose processes can be replaced, one by one, by those of another version. */
export interface Fleet {
  /** Where clients connect; it leads to whichever edges there are. */
  readonly port: number;
  /** Each execution of a call that changes something is a line of it. */
  readonly counterFile: string;
  /** Each new process is ready before an old one is told to stop. `onReplaced` is told what happened and how long stopping took. */
  replaceAll(version: Version, onReplaced: (text: string) => void): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function startSurroundings({ own }: Belongings, version: Version) {
  const folder = await own(tempDir());
  const KUBECONFIG = path.join(folder.path, "kubeconfig");
  const nats = await own(startNats());
  const redis = await own(startRedis());
  const model = await own(startMember(version, "model-simulator", {}));
  await own(startMember(version, "cluster-simulator", { KUBECONFIG_OUT: KUBECONFIG }));
  await eventually(() => access(KUBECONFIG).then(() => true), { what: "the kubeconfig" });
  const brokers = { NATS_URL: nats.url, REDIS_URL: redis.url };
  const AUTH_JWT_SECRET = randomBytes(32).toString("hex");
  const counterFile = path.join(folder.path, "executions");
  const environments: Record<ReplacedRole, Record<string, string>> = {
    edge: { ...brokers, AUTH_DEV: "1", AUTH_JWT_SECRET },
    "tool-worker": {
      ...brokers,
      KUBECONFIG,
      KUBE_LABEL: "simulated cluster",
      DEMO_TOOLS: "1",
      DEMO_COUNTER_FILE: counterFile,
    },
    "agent-worker": {
      ...brokers,
      OPENAI_BASE_URL: `http://127.0.0.1:${model.port}/v1`,
      OPENAI_API_KEY: "simulated",
      OPENAI_MODEL: "parley-simulated",
    },
  };
  return { environments, counterFile };
}

/** The simulators stand for what is not Parley's: they are not replaced. */
export async function startFleet(version: Version): Promise<Fleet> {
  const belongings = createBelongings();
  try {
    return await startAll(belongings, version);
  } catch (error) {
    await belongings.release();
    throw error;
  }
}

async function startAll(belongings: Belongings, version: Version): Promise<Fleet> {
  const { environments, counterFile } = await startSurroundings(belongings, version);
  const members = new Set<Member>();
  belongings.defer(async () => {
    await Promise.all([...members].map((member) => member[Symbol.asyncDispose]()));
  });
  const edgePorts: number[] = [];
  const add = async (role: ReplacedRole, of: Version): Promise<void> => {
    const member = await startMember(of, role, { ...environments[role], ...of.env });
    members.add(member);
    if (role === "edge") edgePorts.push(member.port);
  };
  const remove = async (member: Member): Promise<number> => {
    const place = edgePorts.indexOf(member.port);
    if (place >= 0) edgePorts.splice(place, 1);
    const tookMs = await member.stop();
    members.delete(member);
    return tookMs;
  };
  for (const role of upgradeOrder) {
    for (let i = 0; i < processesPerRole; i++) await add(role, version);
  }
  // It looks at the list anew for each connection.
  const proxy = await belongings.own(startTcpProxy({ targets: edgePorts }));

  const replaceRole = async (role: ReplacedRole, to: Version, onReplaced: (text: string) => void) => {
    for (const old of [...members].filter((member) => member.role === role)) {
      await add(role, to);
      const tookMs = await remove(old);
      onReplaced(`${role}: ${old.version.name} → ${to.name}, stopped in ${Math.round(tookMs)} ms`);
    }
  };
  return {
    port: proxy.port,
    counterFile,
    async replaceAll(to, onReplaced) {
      for (const role of upgradeOrder) await replaceRole(role, to, onReplaced);
    },
    [Symbol.asyncDispose]: () => belongings.release(),
  };
}
