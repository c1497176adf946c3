import { freePort } from "@parley/testkit";
import type { Contender } from "../turns/target.ts";
import { folderOf, installPythonPeer, pythonOf } from "./installed.ts";
import { startProgram } from "./program.ts";

/** Everything in one process: the least there can be, and nothing of it survives the process. */
export const fastapi: Contender = {
  name: "fastapi",
  title: "FastAPI, in process",
  hasTools: false,
  async prepare(say) {
    say("FastAPI: installing, where it is not yet");
    return installPythonPeer("fastapi");
  },
  async start({ own, modelUrl }) {
    const port = await freePort();
    const args = ["-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", String(port), "--log-level", "warning"];
    const env = { MODEL_URL: modelUrl };
    const cwd = folderOf("fastapi");
    const server = await own(startProgram({ command: pythonOf("fastapi"), args, cwd, env, port }));
    return { port, secret: "", pids: { worker: [server.pid] }, victim: server, addWorker: undefined };
  },
};
