import { z } from "zod";
import { readConfig, runMain, StartError } from "@parley/runtime";

const outcomes: Record<string, () => void | Promise<void>> = {
  finish: () => {
    // A handle that would keep the process alive for ever.
    setInterval(() => {}, 60_000);
  },
  config: () => void readConfig(z.object({ REDIS_URL: z.url() }), {}),
  start: () => Promise.reject(new StartError("Cannot reach NATS. Set NATS_URL.")),
  fault: () => Promise.reject(new TypeError("x is undefined")),
  rejection: async () => {
    void Promise.reject(new Error("nobody waits for this"));
    await new Promise(() => {});
  },
};

runMain("sample", async ({ env }) => outcomes[env["OUTCOME"] ?? ""]?.());
