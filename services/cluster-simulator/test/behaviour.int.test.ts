import { expect, test } from "vitest";
import { startSimulator } from "./simulator.ts";

type Simulator = Awaited<ReturnType<typeof startSimulator>>;

const PODS = "/api/v1/namespaces/shop/pods";
const pod = (name: string, image: string, more: Record<string, unknown> = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: { containers: [{ name: "web", image, ...more }] },
});

async function create(simulator: Simulator, path: string, body: unknown): Promise<void> {
  expect(await simulator.call(path, { role: "operator", method: "POST", body })).toMatchObject({ status: 201 });
}

async function reasons(simulator: Simulator, name: string): Promise<string[]> {
  const { items } = await simulator
    .core("reader")
    .listNamespacedEvent({ namespace: "shop", fieldSelector: `involvedObject.name=${name}` });
  return items.map(({ reason }) => reason ?? "");
}

test.each([
  ["web:oom", { lastState: { terminated: { reason: "OOMKilled", exitCode: 137 } } }, "BackOff"],
  ["web:nosuch", { state: { waiting: { reason: "ImagePullBackOff" } }, restartCount: 0 }, "Failed"],
  ["web:unready", { state: { running: {} }, ready: false }, "Unhealthy"],
  ["web:crash", { state: { waiting: { reason: "CrashLoopBackOff" } } }, "BackOff"],
])("a pod of the image %s gets into its trouble", async (image, status, reason) => {
  await using simulator = await startSimulator();
  await create(simulator, PODS, pod("troubled", image));
  simulator.advance(60_000);
  const found = (await simulator.call(`${PODS}/troubled`)).json();
  expect(found).toMatchObject({ status: { containerStatuses: [status] } });
  expect(await reasons(simulator, "troubled")).toContain(reason);
});

test("a pod waits for a Secret that is not there, and starts when it is", async () => {
  await using simulator = await startSimulator();
  const env = [{ name: "KEY", valueFrom: { secretKeyRef: { name: "late", key: "key" } } }];
  await create(simulator, PODS, pod("waiting", "web:1", { env }));
  simulator.advance(5_000);
  const waiting = { reason: "CreateContainerConfigError", message: 'secret "late" not found' };
  const now = async () => (await simulator.call(`${PODS}/waiting`)).json();
  expect(await now()).toMatchObject({ status: { containerStatuses: [{ state: { waiting } }] } });
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "late" }, stringData: { key: "x" } };
  await create(simulator, "/api/v1/namespaces/shop/secrets", secret);
  expect(await now()).toMatchObject({ status: { phase: "Running" } });
});

test("the crashing workload serves when it gets the setting that it lacks", async () => {
  await using simulator = await startSimulator();
  const containers = [{ name: "checkout", env: [{ name: "PAYMENT_GATEWAY_URL", value: "http://pay" }] }];
  const options = { role: "operator", method: "PATCH", contentType: "application/strategic-merge-patch+json" } as const;
  const path = "/apis/apps/v1/namespaces/shop/deployments/checkout";
  await simulator.call(path, { ...options, body: { spec: { template: { spec: { containers } } } } });
  simulator.advance(20_000);
  expect((await simulator.call(path)).json()).toMatchObject({ status: { readyReplicas: 1, replicas: 1 } });
});

test("a quota keeps pods out and says so", async () => {
  await using simulator = await startSimulator();
  const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "few" }, spec: { hard: { pods: "2" } } };
  await create(simulator, "/api/v1/namespaces/default/resourcequotas", quota);
  const body = { spec: { replicas: 4 } };
  const path = "/apis/apps/v1/namespaces/default/deployments/hello";
  await simulator.call(path, { role: "operator", method: "PATCH", body });
  simulator.advance(10_000);
  expect((await simulator.call(path)).json()).toMatchObject({ status: { replicas: 2 } });
  const { items } = await simulator.core("reader").listNamespacedEvent({ namespace: "default" });
  expect(items.map(({ message }) => message)).toContainEqual(expect.stringContaining("exceeded quota: few"));
});

test("no pod comes to a cordoned node", async () => {
  await using simulator = await startSimulator();
  for (const node of [1, 2, 3]) {
    const options = { role: "operator", method: "PATCH", body: { spec: { unschedulable: true } } } as const;
    expect(await simulator.call(`/api/v1/nodes/simulated-node-${node}`, options)).toMatchObject({ status: 200 });
  }
  await create(simulator, PODS, pod("homeless", "web:1"));
  const message = "0/3 nodes are available: 3 node(s) were unschedulable.";
  expect((await simulator.call(`${PODS}/homeless`)).json()).toMatchObject({ status: { conditions: [{ message }] } });
});

test("who is impersonated may what the groups may, and no more", async () => {
  await using simulator = await startSimulator();
  const groups = { "impersonate-user": "parley:anna", "impersonate-group": "parley:operator" };
  const options = { role: "operator", headers: groups } as const;
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: "short" } };
  expect(await simulator.call("/api/v1/namespaces", { ...options, method: "POST", body })).toMatchObject({
    status: 201,
  });
  expect(await simulator.call("/api/v1/namespaces/short", { ...options, method: "DELETE" })).toMatchObject({
    status: 403,
  });
});
