import { expect, test } from "vitest";
import { startSimulator } from "./simulator.ts";

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const MINUTE_MS = 60_000;

test("lists the pods of all namespaces to the official client", async () => {
  await using simulator = await startSimulator();
  const list = await simulator.core("reader").listPodForAllNamespaces();
  expect(list.items).toHaveLength(14);
  expect(new Set(list.items.map((pod) => pod.metadata?.namespace))).toEqual(
    new Set(["default", "kube-system", "monitoring", "shop"]),
  );
  expect(list.metadata?.resourceVersion).toMatch(/^\d+$/);
});

test("shows one pod in a crash loop whose restarts grow with time", async () => {
  await using simulator = await startSimulator();
  const restarts = async () => {
    const { items } = await simulator
      .core("reader")
      .listNamespacedPod({ namespace: "shop", labelSelector: "app=checkout" });
    const [status] = items[0]?.status?.containerStatuses ?? [];
    expect(status?.state?.waiting?.reason).toBe("CrashLoopBackOff");
    expect(status?.lastState?.terminated?.exitCode).toBe(1);
    return status?.restartCount ?? 0;
  };
  const before = await restarts();
  simulator.advance(11 * MINUTE_MS);
  expect(await restarts()).toBe(before + 2);
});

test("shows one pod that fits on no node, with the event that says so", async () => {
  await using simulator = await startSimulator();
  const core = simulator.core("reader");
  const { items } = await core.listPodForAllNamespaces({ fieldSelector: "status.phase=Pending" });
  expect(items.map((pod) => pod.metadata?.labels?.["app"])).toEqual(["recommender"]);
  const events = await core.listNamespacedEvent({
    namespace: "shop",
    fieldSelector: `involvedObject.name=${items[0]?.metadata?.name ?? ""},type=Warning`,
  });
  expect(events.items.map((event) => [event.reason, event.message])).toEqual([
    ["FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu."],
  ]);
});

test("calls itself simulated wherever a person looks", async () => {
  await using simulator = await startSimulator();
  expect(JSON.parse(simulator.kubeconfig)).toMatchObject({
    clusters: [{ name: "parley-simulated" }],
    "current-context": "reader",
  });
  expect((await simulator.call("/version")).json()).toMatchObject({ gitVersion: "v1.32.0-simulated" });
  const nodes = await simulator.core("reader").listNode();
  expect(nodes.items.map((node) => node.metadata?.name)).toEqual([
    "simulated-node-1",
    "simulated-node-2",
    "simulated-node-3",
  ]);
});

test("answers as a table when the client prefers one", async () => {
  await using simulator = await startSimulator();
  const reply = await simulator.call("/api/v1/namespaces/shop/pods?labelSelector=app%3Dcart", { accept: TABLE });
  expect(reply.json()).toMatchObject({
    kind: "Table",
    columnDefinitions: expect.arrayContaining([
      expect.objectContaining({ name: "Status", priority: 0 }),
      expect.objectContaining({ name: "Node", priority: 1 }),
    ]),
    rows: [{ cells: expect.arrayContaining(["2/2", "Running", "0", "9d"]), object: { kind: "PartialObjectMetadata" } }],
  });
});

test.each([
  ["app=cart", ["cart"]],
  ["app!=cart,app!=storefront", ["checkout", "recommender"]],
  ["app in (cart, checkout)", ["cart", "checkout"]],
  ["app notin (cart, checkout, storefront)", ["recommender"]],
  ["app,!tier", ["cart", "checkout", "recommender", "storefront"]],
  ["tier", []],
])("selects pods by the labels %s", async (labelSelector, apps) => {
  await using simulator = await startSimulator();
  const { items } = await simulator.core("reader").listNamespacedPod({ namespace: "shop", labelSelector });
  expect([...new Set(items.map((pod) => pod.metadata?.labels?.["app"]))]).toEqual(apps);
});

test("pages through a list without a repeat and without a gap", async () => {
  await using simulator = await startSimulator();
  const core = simulator.core("reader");
  const names: (string | undefined)[] = [];
  let from: string | undefined;
  let pages = 0;
  do {
    const page = await core.listPodForAllNamespaces({ limit: 5, ...(from === undefined ? {} : { _continue: from }) });
    names.push(...page.items.map((pod) => pod.metadata?.name));
    from = page.metadata?._continue;
    pages += 1;
  } while (from !== undefined && pages < 10);
  const all = await core.listPodForAllNamespaces();
  expect(pages).toBe(3);
  expect(names).toEqual(all.items.map((pod) => pod.metadata?.name));
});

test("answers 410 to a continue token that is too old", async () => {
  await using simulator = await startSimulator();
  const core = simulator.core("reader");
  const page = await core.listPodForAllNamespaces({ limit: 5 });
  simulator.advance(6 * MINUTE_MS);
  const next = await simulator.call(`/api/v1/pods?limit=5&continue=${page.metadata?._continue ?? ""}`);
  expect(next).toMatchObject({ status: 410 });
  expect(next.json()).toMatchObject({ reason: "Expired" });
});

test.each([
  ["/api/v1/namespaces/shop/pods/nosuch", 404, "NotFound", 'pods "nosuch" not found'],
  ["/apis/apps/v1/namespaces/shop/deployments/nosuch", 404, "NotFound", 'deployments.apps "nosuch" not found'],
  ["/apis/apps/v1/things", 404, "NotFound", "the server could not find the requested resource"],
  // Who has no rights in a group is not told what is in it.
  ["/apis/example.com/v1/things", 403, "Forbidden", expect.stringContaining("things.example.com is forbidden")],
  ["/api/v1/pods?labelSelector=a%20in%20(b", 400, "BadRequest", expect.stringContaining("unable to parse requirement")],
  ["/api/v1/pods?fieldSelector=spec.colour%3Dred", 400, "BadRequest", "field label not supported: spec.colour"],
  ["/api/v1/pods?continue=%20", 400, "BadRequest", "continue key is not valid"],
])("answers %s with a Status", async (...[path, code, reason, message]) => {
  await using simulator = await startSimulator();
  const reply = await simulator.call(path);
  expect(reply.status).toBe(code);
  expect(reply.json()).toMatchObject({ kind: "Status", status: "Failure", code, reason, message });
});

test("is the same cluster at the same time", async () => {
  await using first = await startSimulator();
  await using second = await startSimulator();
  const paths = ["/api/v1/pods", "/api/v1/events", "/apis/apps/v1/deployments"];
  for (const path of paths) expect((await first.call(path)).text).toBe((await second.call(path)).text);
});
