import { startSystem } from "@parley/testkit";
import type { Contender } from "./target.ts";

/** As it starts by default; only the log is less talkative, as in a deployment. */
const quiet = { LOG_LEVEL: "warn" };
/** What it costs to write transcripts in the other version: `RECORD_FORMAT=1 npm run bench -- turns`. */
const recordFormat = { RECORD_FORMAT: process.env["RECORD_FORMAT"] ?? "auto" };

export const parley: Contender = {
  name: "parley",
  title: "Parley",
  hasTools: true,
  prepare: async () => undefined,
  async start({ own, modelUrl, workers, workerEnv }) {
    const env = {
      edge: quiet,
      "agent-worker": { ...quiet, ...recordFormat, OPENAI_BASE_URL: modelUrl, ...workerEnv },
      "tool-worker": quiet,
    };
    const system = await own(startSystem({ agentWorkers: workers, env }));
    const { nats, redis, edges, agentWorkers, toolWorkers, jwtSecret } = system;
    const [edge] = edges;
    const [worker] = agentWorkers;
    if (edge === undefined || worker === undefined) throw new Error("the system has no edge or worker");
    return {
      port: edge.port,
      secret: jwtSecret,
      pids: {
        worker: agentWorkers.map(({ pid }) => pid),
        broker: [nats.pid],
        edge: [edge.pid],
        toolWorker: toolWorkers.map(({ pid }) => pid),
        redis: [redis.pid],
      },
      victim: worker,
      addWorker: () => system.add("agent-worker"),
    };
  },
};
