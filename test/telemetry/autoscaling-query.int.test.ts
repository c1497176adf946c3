import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { readYamlFile } from "../deploy/yaml.ts";
import { prometheusProgram } from "./debian-prometheus.ts";
import { namedMetrics, readAll } from "./observability-files.ts";
import { metricTable } from "./metric-table.ts";

const Trigger = z.object({ type: z.string(), metadata: z.record(z.string(), z.string()) });
const Scaler = z.object({ metadata: z.object({ name: z.string() }), spec: z.object({ triggers: z.array(Trigger) }) });

/** What the number of agent workers follows. */
const [trigger] = readYamlFile("deploy/k8s/components/autoscaling/workers.yaml")
  .flatMap((document) => Scaler.safeParse(document).data ?? [])
  .flatMap(({ metadata, spec }) => (metadata.name === "agent-worker" ? spec.triggers : []));
const query = trigger?.metadata["query"] ?? "";
const promtool = prometheusProgram("promtool");

/** All that is delivered and has not left the queue: turns that wait for a person are among it. */
const countsWaits = "parley_turns_queue_delivered";

/** What the query comes to, by Prometheus itself; `[]`: there is no answer. */
function expectAnswer(series: Readonly<Record<string, number>>, values: readonly number[]): void {
  const dir = mkdtempSync(path.join(tmpdir(), "parley-query-"));
  const file = path.join(dir, "query.json");
  const input_series = Object.entries(series).map(([name, value]) => ({ series: name, values: `${value}x5` }));
  const exp_samples = values.map((value) => ({ labels: "{}", value }));
  const promql_expr_test = [{ expr: query, eval_time: "2m", exp_samples }];
  writeFileSync(file, JSON.stringify({ tests: [{ interval: "1m", input_series, promql_expr_test }] }));
  const { status, stdout, stderr } = spawnSync(promtool ?? "", ["test", "rules", file], { encoding: "utf8" });
  rmSync(dir, { recursive: true });
  expect(status, `${stdout}${stderr}`).toBe(0);
}

it("asks for figures that agent workers have", () => {
  const table = metricTable().filter((row) => row.includes("| agent worker |"));
  expect(trigger?.type).toBe("prometheus");
  expect(namedMetrics(query).length).toBeGreaterThan(0);
  expect(namedMetrics(query).filter((name) => !table.some((row) => row.includes(`\`${name}\``)))).toEqual([]);
});

it.skipIf(promtool === undefined)(
  "follows turns that wait for a worker or run, and none that wait for a person",
  () => {
    const one = 'instance="agent-1:8011"';
    const two = 'instance="agent-2:8011"';
    const delivered = { [`${countsWaits}{${one}}`]: 500, [`${countsWaits}{${two}}`]: 500 };
    const waiting = { [`parley_turns_queue_waiting{${one}}`]: 3, [`parley_turns_queue_waiting{${two}}`]: 3 };
    const running = { [`parley_turns_running{${one}}`]: 6, [`parley_turns_running{${two}}`]: 4 };
    const parked = { [`parley_turns_parked{${one}}`]: 40 };
    expectAnswer({ ...delivered, ...waiting, ...running, ...parked }, [13]);
    const held = { [`parley_turns_held{${one}}`]: 20, [`parley_turns_held{${two}}`]: 0 };
    expectAnswer({ ...delivered, ...waiting, ...running, ...parked, ...held }, [33]);
  },
);

it.skipIf(promtool === undefined)(
  "has no answer where no worker can see the queue, so that nothing is scaled in",
  () => {
    expectAnswer({ 'parley_turns_running{instance="agent-1:8011"}': 6 }, []);
  },
);

it("has no alert and no board that takes turns that wait for a person for work", () => {
  // What they are themselves is all that may be made of it.
  const waits = `max(${countsWaits}) - sum(parley_turns_running) - sum(parley_turns_parked)`;
  const boards = readAll("grafana/dashboards").split(waits);
  expect(boards).toHaveLength(2);
  expect(namedMetrics(`${readAll("prometheus/rules")}\n${boards.join("")}`)).not.toContain(countsWaits);
});
