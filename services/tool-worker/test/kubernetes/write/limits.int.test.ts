import { afterAll, beforeAll, expect, it } from "vitest";
import { NotDoneError } from "../../../src/tools/tool.ts";
import { openChangingTools, startChangingTools } from "../../support/changing-tools.ts";

let cluster: Awaited<ReturnType<typeof startChangingTools>>;

beforeAll(async () => {
  cluster = await startChangingTools();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const open = (options: Parameters<typeof openChangingTools>[1]) => openChangingTools(cluster.kubeconfig, options);

const cart = { name: "cart", namespace: "shop" };

it.each([
  ["k8s_scale", { ...cart, replicas: 3 }, "may not patch scale of Deployment cart"],
  ["k8s_rollout_restart", cart, "may not patch Deployment cart in namespace shop"],
  ["k8s_delete", { ...cart, kind: "Deployment" }, "may not delete Deployment cart"],
  ["k8s_cordon", { name: "simulated-node-1" }, "may not patch Node simulated-node-1"],
  ["k8s_create_namespace", { name: "more" }, "may not create Namespace more"],
])(
  "%s of an identity without the right is refused before anybody is asked, and when it runs",
  async (name, args, says) => {
    const powerless = open({ contexts: ["reader", "reader"] });
    await expect(powerless.call(name, args).preview()).rejects.toThrow(says);
    await expect(powerless.call(name, args).run()).rejects.toThrow(NotDoneError);
  },
);

it("nothing is changed outside of the namespaces that are allowed", async () => {
  const limited = open({ only: ["default"] });
  for (const [name, args] of [
    ["k8s_scale", { ...cart, replicas: 3 }],
    ["k8s_delete", { ...cart, kind: "Deployment" }],
    ["k8s_apply_manifest", { manifest: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\n" }],
    ["k8s_exec", { pod: "cart", namespace: "shop", command: ["df", "-h"] }],
  ] as const) {
    await expect(limited.call(name, args).access()).rejects.toThrow("shop");
    await expect(limited.call(name, args).preview()).rejects.toThrow("shop");
    await expect(limited.call(name, args).run()).rejects.toThrow(NotDoneError);
  }
  await expect(limited.call("k8s_cordon", { name: "simulated-node-1" }).preview()).rejects.toThrow("no namespace");
  await expect(limited.call("k8s_create_namespace", { name: "more" }).preview()).rejects.toThrow("more");
});

it("images come from the registries that are allowed, whichever tool gives them", async () => {
  const limited = open({ registries: ["registry.simulated/shop"] });
  const image = "evil.example/miner:1";
  const containers = [{ name: "cart", image }];
  const template = { spec: { template: { spec: { containers } } } };
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: { containers } };
  for (const [name, args] of [
    ["k8s_set_image", { ...cart, container: "cart", image }],
    ["k8s_patch", { ...cart, kind: "Deployment", patch: template }],
    ["k8s_apply_manifest", { manifest: JSON.stringify(pod), namespace: "shop" }],
  ] as const)
    await expect(limited.call(name, args).preview()).rejects.toThrow("may not be used here");
  await limited.call("k8s_scale", { ...cart, replicas: 2 }).preview();
});

it.each([
  [["ls"], "not allowed; these are: df -h"],
  [["df"], "not allowed"],
  [["df", "-hi"], "not allowed"],
  [["/bin/df", "-h"], "not allowed"],
  [["sh", "-c", "df -h"], "runs other programs"],
  [["/usr/bin/env", "df", "-h"], "runs other programs"],
  [["df", "-h", "a\0b"], "a character that none can have"],
])("the command %j is not run", async (command, says) => {
  const call = cluster.call("k8s_exec", { pod: "cart", namespace: "shop", command });
  await expect(call.preview()).rejects.toThrow(says);
  await expect(call.run()).rejects.toThrow(NotDoneError);
  expect(() => call.command, "nor suggested").toThrow(says);
});

it("a shell is not run even if it is named", async () => {
  const careless = open({ commands: [["sh"], ["python3", "-V"]] });
  for (const command of [
    ["sh", "-c", "id"],
    ["python3", "-V"],
  ])
    await expect(careless.call("k8s_exec", { pod: "cart", namespace: "shop", command }).preview()).rejects.toThrow(
      "runs other programs",
    );
});

it("without any command that may be run there is no tool for it", () => {
  const none = open({ commands: [] });
  expect(none.definitions.some(({ name }) => name === "k8s_exec")).toBe(false);
  expect(() => none.call("exec_in_pod", {})).toThrow("there is no tool");
});

it("what a person could type is what the call does", () => {
  const texts = [
    cluster.call("k8s_scale", { ...cart, replicas: 3 }),
    cluster.call("k8s_rollout_undo", { ...cart, toRevision: 2 }),
    cluster.call("k8s_delete", { kind: "po", name: "a", gracePeriodSeconds: 0 }),
    cluster.call("k8s_patch", { ...cart, kind: "deploy", patch: { metadata: { labels: { a: "it's" } } } }),
    cluster.call("uncordon_node", { node_name: "n" }),
    cluster.call("k8s_exec", { pod: "a", command: ["df", "-h", "/a b"] }),
  ].map(({ command }) => command);
  expect(texts).toEqual([
    "kubectl scale deployment/cart --replicas=3 --namespace shop",
    "kubectl rollout undo deployment/cart --to-revision=2 --namespace shop",
    "kubectl delete po a --grace-period=0 --force",
    `kubectl patch deploy cart '--patch={"metadata":{"labels":{"a":"it'\\''s"}}}' --namespace shop`,
    "kubectl uncordon n",
    "kubectl exec a -- df -h '/a b'",
  ]);
});

it.each(["--all", "-f", "a b", "../secrets", ""])("%j is no kind", (kind) => {
  expect(() => cluster.call("k8s_delete", { kind, name: "a" })).toThrow("kind");
});

it("models are offered our names alone", () => {
  const names = cluster.definitions.map(({ name }) => name);
  expect(names.every((name) => name.startsWith("k8s_"))).toBe(true);
  const aliases = cluster.definitions.flatMap((definition) => definition.aliases);
  expect(new Set(aliases).size).toBe(aliases.length);
});
