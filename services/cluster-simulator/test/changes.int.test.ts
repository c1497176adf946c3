import { expect, test } from "vitest";
import { startSimulator } from "./simulator.ts";

type Simulator = Awaited<ReturnType<typeof startSimulator>>;

const CART = { name: "cart", namespace: "shop" };
const CART_PATH = "/apis/apps/v1/namespaces/shop/deployments/cart";

async function podNames(simulator: Simulator, app: string): Promise<string[]> {
  const { items } = await simulator
    .core("reader")
    .listNamespacedPod({ namespace: "shop", labelSelector: `app=${app}` });
  return items.map((pod) => pod.metadata?.name ?? "");
}

test("scales a deployment, whose new pods become ready after a moment", async () => {
  await using simulator = await startSimulator();
  const apps = simulator.apps("operator");
  const before = await podNames(simulator, "cart");
  const scale = await apps.readNamespacedDeploymentScale(CART);
  await apps.replaceNamespacedDeploymentScale({
    ...CART,
    body: { metadata: scale.metadata ?? {}, spec: { replicas: 3 } },
  });
  expect(await podNames(simulator, "cart")).toEqual(expect.arrayContaining(before));
  expect((await apps.readNamespacedDeployment(CART)).status).toMatchObject({ replicas: 3, readyReplicas: 1 });
  simulator.advance(5_000);
  expect((await apps.readNamespacedDeployment(CART)).status).toMatchObject({ replicas: 3, readyReplicas: 3 });
});

test("replaces the pods of a deployment that is restarted", async () => {
  await using simulator = await startSimulator();
  const [before] = await podNames(simulator, "cart");
  const annotations = { "kubectl.kubernetes.io/restartedAt": "2026-03-01T12:00:00Z" };
  const body = { spec: { template: { metadata: { annotations } } } };
  const contentType = "application/strategic-merge-patch+json";
  expect(await simulator.call(CART_PATH, { role: "operator", method: "PATCH", contentType, body })).toMatchObject({
    status: 200,
  });
  expect(await podNames(simulator, "cart")).toHaveLength(2);
  simulator.advance(10_000);
  const [after, ...more] = await podNames(simulator, "cart");
  expect(more).toEqual([]);
  expect(after).not.toBe(before);
});

test("replaces a pod that is deleted", async () => {
  await using simulator = await startSimulator();
  const [before = ""] = await podNames(simulator, "checkout");
  await simulator.core("operator").deleteNamespacedPod({ name: before, namespace: "shop" });
  expect(await podNames(simulator, "checkout")).toHaveLength(2);
  simulator.advance(3_000);
  const after = await podNames(simulator, "checkout");
  expect(after).toHaveLength(1);
  expect(after).not.toContain(before);
});

test("changes nothing in a dry run", async () => {
  await using simulator = await startSimulator();
  const options = { role: "operator", method: "PATCH", body: { spec: { replicas: 5 } } } as const;
  expect((await simulator.call(`${CART_PATH}?dryRun=All`, options)).json()).toMatchObject({ spec: { replicas: 5 } });
  expect(await podNames(simulator, "cart")).toHaveLength(1);
});

test("refuses a change of a version that is no longer the newest", async () => {
  await using simulator = await startSimulator();
  const seen = await simulator.apps("operator").readNamespacedDeployment(CART);
  const change = { metadata: { resourceVersion: seen.metadata?.resourceVersion }, spec: { replicas: 2 } };
  const options = { role: "operator", method: "PATCH", body: change } as const;
  expect(await simulator.call(CART_PATH, options)).toMatchObject({ status: 200 });
  expect((await simulator.call(CART_PATH, options)).json()).toMatchObject({ code: 409, reason: "Conflict" });
});

test.each([
  ["fewer replicas than none", { spec: { replicas: -1 } }, 422],
  ["a value of another type", { spec: { paused: "perhaps" } }, 400],
  ["another selector", { spec: { selector: { matchLabels: { app: "other" } } } }, 422],
])("refuses %s", async (...[, body, code]) => {
  await using simulator = await startSimulator();
  expect(await simulator.call(CART_PATH, { role: "operator", method: "PATCH", body })).toMatchObject({ status: code });
});

test("refuses what it cannot do with MethodNotAllowed", async () => {
  await using simulator = await startSimulator();
  const reply = await simulator.call("/version", { role: "operator", method: "POST" });
  expect(reply.json()).toMatchObject({ code: 405, reason: "MethodNotAllowed" });
});
