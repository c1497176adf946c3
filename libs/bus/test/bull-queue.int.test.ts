import { createLogger } from "@parley/runtime";
import { eventually, startRedis } from "@parley/testkit";
import { expect, it } from "vitest";
import { createBullQueue } from "../src/bull-queue.ts";
import { connectRedis } from "../src/redis.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

it("a queue that was begun while Redis did not answer takes jobs as soon as it does", { timeout: 60_000 }, async () => {
  await using server = await startRedis({ persist: false });
  const redis = connectRedis({ url: server.url, role: "queue", log });
  const queue = createBullQueue({ name: "begun", redis, log });
  try {
    await eventually(() => redis.status === "ready", { what: "Redis" });
    process.kill(server.pid, "SIGSTOP");
    await expect(queue.open().add("one", {})).rejects.toThrow();
    process.kill(server.pid, "SIGCONT");
    const added = () =>
      Promise.resolve()
        .then(() => queue.open().add("two", {}))
        .catch(() => undefined);
    const job = await eventually(added, { what: "a job", timeoutMs: 15_000 });
    expect(await queue.open().getJob(job.id ?? "")).toMatchObject({ name: "two" });
  } finally {
    process.kill(server.pid, "SIGCONT");
    await queue.close();
    redis.disconnect();
  }
});
