import { expect, test } from "vitest";
import { startSimulator } from "./simulator.ts";

type Simulator = Awaited<ReturnType<typeof startSimulator>>;

async function podOf(simulator: Simulator, app: string): Promise<{ name: string; namespace: string }> {
  const { items } = await simulator.core("reader").listPodForAllNamespaces({ labelSelector: `app=${app}` });
  return { name: items[0]?.metadata?.name ?? "", namespace: items[0]?.metadata?.namespace ?? "" };
}

test("gives the last lines of a log", async () => {
  await using simulator = await startSimulator();
  const pod = await podOf(simulator, "storefront");
  const text = await simulator.core("reader").readNamespacedPodLog({ ...pod, tailLines: 5 });
  expect(text.trim().split("\n")).toHaveLength(5);
  expect(text).toContain("method=GET");
});

test("adds lines as time passes and keeps those that were there", async () => {
  await using simulator = await startSimulator();
  const pod = await podOf(simulator, "hello");
  const core = simulator.core("reader");
  const before = await core.readNamespacedPodLog({ ...pod, tailLines: 10 });
  simulator.advance(60_000);
  const after = await core.readNamespacedPodLog({ ...pod, tailLines: 100 });
  const added = after.slice(after.indexOf(before) + before.length);
  expect(after).toContain(before);
  expect(added.trim().split("\n").length).toBeGreaterThan(20);
});

test("gives the lines since a time only", async () => {
  await using simulator = await startSimulator();
  const pod = await podOf(simulator, "grafana");
  const text = await simulator.core("reader").readNamespacedPodLog({ ...pod, sinceSeconds: 30, timestamps: true });
  const times = text
    .trim()
    .split("\n")
    .map((line) => Date.parse(line.split(" ")[0] ?? ""));
  expect(times.length).toBeGreaterThan(5);
  expect(Math.min(...times)).toBeGreaterThanOrEqual(Date.parse("2026-03-01T11:59:30Z"));
});

test("cuts a log at limitBytes", async () => {
  await using simulator = await startSimulator();
  const pod = await podOf(simulator, "hello");
  expect(await simulator.core("reader").readNamespacedPodLog({ ...pod, limitBytes: 40 })).toHaveLength(40);
});

test("shows why the crashing pod crashes, also of its run before", async () => {
  await using simulator = await startSimulator();
  const pod = await podOf(simulator, "checkout");
  const core = simulator.core("reader");
  expect(await core.readNamespacedPodLog(pod)).toContain("PAYMENT_GATEWAY_URL is not set");
  expect(await core.readNamespacedPodLog({ ...pod, previous: true })).toContain("stopping with exit code 1");
});

test.each([
  ["cart", "", "a container name must be specified for pod"],
  ["cart", "container=nope", "container nope is not valid for pod"],
  ["recommender", "", "does not have a host assigned"],
  ["hello", "previous=true", 'previous terminated container "hello" in pod'],
  ["hello", "tailLines=many", "tailLines must be a whole number"],
])("refuses a log of %s with %j as Kubernetes does", async (app, query, message) => {
  await using simulator = await startSimulator();
  const { name, namespace } = await podOf(simulator, app);
  const reply = await simulator.call(`/api/v1/namespaces/${namespace}/pods/${name}/log?${query}`);
  expect(reply.json()).toMatchObject({ code: 400, reason: "BadRequest", message: expect.stringContaining(message) });
});

test("gives the log of one of several containers", async () => {
  await using simulator = await startSimulator();
  const pod = await podOf(simulator, "cart");
  const text = await simulator.core("reader").readNamespacedPodLog({ ...pod, container: "metrics", tailLines: 1 });
  expect(text).toContain("scrape finished");
});
