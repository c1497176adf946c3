import { createLifecycle, createLogger, runMain } from "@parley/runtime";

runMain("sample", async ({ env }) => {
  const log = createLogger({ service: "sample", level: "info", format: "json" });
  const life = createLifecycle({ log, shutdownMs: 60_000 });
  const keepAlive = setInterval(() => {}, 60_000);
  life.use("timer", () => clearInterval(keepAlive));
  life.use("drain", () => (env["HANG"] === "1" ? new Promise(() => {}) : log.info("released")));
  const stopped = life.untilStopped();
  log.info("ready");
  await stopped;
  log.info("stopped");
});
