import { type ChildProcess, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { eventually, freePort, startSystem, tempDir, type System } from "@parley/testkit";
import { expect, it } from "vitest";
import { z } from "zod";
import { prometheusProgram } from "./debian-prometheus.ts";
import { filesIn } from "./observability-files.ts";

const prometheus = prometheusProgram("prometheus");

const Alerts = z.object({
  data: z.object({ alerts: z.array(z.object({ state: z.string(), labels: z.record(z.string(), z.string()) })) }),
});

/**
 * The rules as they are shipped, but with less patience: a test does not wait for minutes. With none at all one scrape that
 * comes late on a busy machine would be an alert.
 */
async function impatientRules(dir: string): Promise<void> {
  for (const file of filesIn("prometheus/rules")) {
    const rules = await readFile(file, "utf8");
    await writeFile(path.join(dir, path.basename(file)), rules.replaceAll(/for: \S+/g, "for: 3s"));
  }
}

function scrapeConfig(system: System): string {
  const job = (name: string, adminPort: number): string =>
    `  - job_name: parley-${name}\n    static_configs: [{ targets: ["127.0.0.1:${adminPort}"] }]\n`;
  return [
    "global: { scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }\n",
    'rule_files: ["*.yml"]\n',
    "scrape_configs:\n",
    job("edge", system.edges[0]!.adminPort),
    job("agent-worker", system.agentWorkers[0]!.adminPort),
    job("tool-worker", system.toolWorkers[0]!.adminPort),
  ].join("");
}

async function startPrometheus(dir: string, system: System) {
  await impatientRules(dir);
  const config = path.join(dir, "prometheus.config");
  await writeFile(config, scrapeConfig(system));
  const port = await freePort();
  const args = [`--config.file=${config}`, `--storage.tsdb.path=${dir}/data`, `--web.listen-address=127.0.0.1:${port}`];
  const child: ChildProcess = spawn(prometheus ?? "", args, { stdio: "ignore" });
  const firing = async (): Promise<Set<string>> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/alerts`);
    const { alerts } = Alerts.parse(await response.json()).data;
    return new Set(alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels["alertname"] ?? ""));
  };
  return {
    firing,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    },
  };
}

it.skipIf(prometheus === undefined)(
  "is quiet while all is well, and fires what is wrong when the broker, Redis or a process is gone",
  { timeout: 90_000 },
  async () => {
    await using folder = await tempDir();
    await using system = await startSystem();
    await using server = await startPrometheus(folder.path, system);
    const until = (alerts: string[], isFiring: boolean): Promise<unknown> =>
      eventually(
        async () => {
          const firing = await server.firing().catch(() => undefined);
          return firing !== undefined && alerts.every((alert) => firing.has(alert) === isFiring);
        },
        { timeoutMs: 25_000, what: `${alerts.join(", ")} ${isFiring ? "to fire" : "to be quiet"}` },
      );
    const ofTheseFaults = ["EdgeUnavailable", "ProcessNotReady", "ProcessDown", "ToolQueueUnknown", "TurnQueueUnknown"];
    await until(ofTheseFaults, false);

    await system.redis.kill("SIGKILL");
    await until(["ToolQueueUnknown", "ProcessNotReady"], true);
    expect((await server.firing()).has("EdgeUnavailable")).toBe(false);
    await system.redis.restart();
    await until(["ToolQueueUnknown", "ProcessNotReady"], false);

    await system.nats.kill("SIGKILL");
    await until(["EdgeUnavailable", "ProcessNotReady", "TurnQueueUnknown"], true);
    await system.nats.restart();
    await until(["EdgeUnavailable", "ProcessNotReady", "TurnQueueUnknown"], false);

    await system.toolWorkers[0]!.kill("SIGKILL");
    await until(["ProcessDown"], true);
  },
);
