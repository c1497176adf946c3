import { createLifecycle, createLogger, listen, readConfig, runMain } from "@parley/runtime";
import { Config } from "./config.ts";
import { createModelServer } from "./server.ts";

const SERVICE = "model-simulator";
const SHUTDOWN_MS = 5_000;

runMain(SERVICE, async ({ env }) => {
  const config = readConfig(Config, env);
  const log = createLogger({ service: SERVICE, level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  await using lifecycle = createLifecycle({ log, shutdownMs: SHUTDOWN_MS });

  const simulator = createModelServer({ tokensPerSecond: config.SIM_TOKENS_PER_SECOND, log });
  const listener = await listen(simulator.server, { host: config.HOST, port: config.PORT, variable: "PORT" });
  lifecycle.use("http server", listener.close);
  lifecycle.use("streams", simulator.stop);

  log.info({ address: `http://${config.HOST}:${listener.port}/v1` }, "the simulated model is ready");
  await lifecycle.untilStopped();
});
