import { freePort, startRedis } from "@parley/testkit";
import type { Contender } from "../turns/target.ts";
import { folderOf, installNodePeer } from "./installed.ts";
import { startProgram } from "./program.ts";

/** What most tutorials come to: sockets, a job queue, and tokens published through Redis. Nothing is stored. */
export const socketio: Contender = {
  name: "socketio",
  title: "Socket.IO + Redis + BullMQ",
  hasTools: false,
  async prepare(say) {
    say("Socket.IO + Redis + BullMQ: installing, where it is not yet");
    return installNodePeer("socketio").then(
      () => undefined,
      (error: unknown) => `socketio was not measured: its packages could not be installed (${String(error)}).`,
    );
  },
  async start({ own, modelUrl, workers }) {
    const redis = await own(startRedis());
    const port = await freePort();
    const common = { REDIS_URL: redis.url, NODE_ENV: "production" };
    const node = { command: process.execPath, cwd: folderOf("socketio") };
    const edge = await own(startProgram({ ...node, args: ["edge.mjs"], env: { ...common, PORT: String(port) }, port }));
    const env = { ...common, MODEL_URL: modelUrl };
    const addWorker = () => own(startProgram({ ...node, args: ["worker.mjs"], env }));
    const victim = await addWorker();
    const more = [];
    for (let count = 1; count < workers; count++) more.push(await addWorker());
    return {
      port,
      secret: "",
      pids: { worker: [victim, ...more].map(({ pid }) => pid), edge: [edge.pid], redis: [redis.pid] },
      victim,
      addWorker,
    };
  },
};
