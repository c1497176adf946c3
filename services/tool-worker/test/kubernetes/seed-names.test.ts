import { expect, test } from "vitest";
import { withSeedNames } from "../../src/kubernetes/seed-names.ts";
import { createToolRegistry } from "../../src/tools/registry.ts";
import type { Tool } from "../../src/tools/tool.ts";

/** Says which arguments it gets. */
const echo = (name: string): Tool => ({
  definition: { name, aliases: [], description: "", parameters: {}, effect: "read", timeout_ms: 1_000 },
  prepare: (args) => ({ problem: JSON.stringify(args) }),
});

const names = ["scale", "rollout_restart", "patch", "delete", "cordon", "create_namespace", "apply_manifest", "exec"];
const registry = createToolRegistry(withSeedNames(names.map((name) => echo(`k8s_${name}`))));

function means(name: string, args: Record<string, unknown>): unknown {
  const tool = registry.find(name);
  const prepared = tool?.prepare(args);
  if (prepared === undefined || !("problem" in prepared)) throw new Error(`there is no ${name}`);
  return [tool?.definition.name, JSON.parse(prepared.problem)];
}

test.each([
  ["scale_deployment", { deployment: "a" }, "k8s_scale", { replicas: 1, name: "a", kind: "Deployment" }],
  ["scale_deployment", { deployment: "a", replicas: 0 }, "k8s_scale", { replicas: 0, name: "a", kind: "Deployment" }],
  ["rollout_restart_deployment", { deployment: "a" }, "k8s_rollout_restart", { name: "a", kind: "Deployment" }],
  ["patch_pod", { pod_name: "a", patch_data: { b: 1 } }, "k8s_patch", { name: "a", patch: { b: 1 }, kind: "Pod" }],
  ["patch_deployment", { deployment_name: "a" }, "k8s_patch", { name: "a", kind: "Deployment" }],
  ["patch_storageclass", { storageclass_name: "a" }, "k8s_patch", { name: "a", kind: "StorageClass" }],
  [
    "delete_pod",
    { pod_name: "a", grace_period_seconds: 5 },
    "k8s_delete",
    { name: "a", gracePeriodSeconds: 5, kind: "Pod" },
  ],
  ["delete_pod", { pod_name: "a", force: true }, "k8s_delete", { name: "a", gracePeriodSeconds: 0, kind: "Pod" }],
  ["delete_pod", { pod_name: "a", force: "false" }, "k8s_delete", { name: "a", kind: "Pod" }],
  [
    "delete_resource",
    { resource_type: "svc", resource_name: "a", grace_period: 9 },
    "k8s_delete",
    { kind: "svc", name: "a", gracePeriodSeconds: 9 },
  ],
  ["cordon_node", { node_name: "a" }, "k8s_cordon", { name: "a", op: "cordon" }],
  ["uncordon_node", { node_name: "a" }, "k8s_cordon", { name: "a", op: "uncordon" }],
  ["create_namespace", { name: "a" }, "k8s_create_namespace", { name: "a" }],
  ["apply_yaml", { yaml_content: "a: b", namespace: "x" }, "k8s_apply_manifest", { manifest: "a: b", namespace: "x" }],
  ["exec_in_pod", { pod_name: "a", command: ["ls"], container: null }, "k8s_exec", { pod: "a", command: ["ls"] }],
])("%s(%j) is %s(%j)", (name, args, tool, meaning) => {
  expect(means(name, args)).toEqual([tool, meaning]);
});

test("what a name fixes cannot be said otherwise beside it", () => {
  expect(means("cordon_node", { node_name: "a", op: "uncordon" })).toEqual(["k8s_cordon", { name: "a", op: "cordon" }]);
  expect(means("delete_pod", { pod_name: "a", kind: "Namespace" })).toEqual(["k8s_delete", { name: "a", kind: "Pod" }]);
});

test("an argument that nobody knows is left to the tool to refuse", () => {
  expect(means("create_namespace", { name: "a", dryrun: true })).toEqual([
    "k8s_create_namespace",
    { name: "a", dryrun: true },
  ]);
});

test("the names stand in no definition but as aliases", () => {
  expect(registry.definitions.map(({ name }) => name)).toEqual(names.map((name) => `k8s_${name}`));
  const [scale] = registry.definitions;
  expect(scale?.aliases).toEqual(["scale_deployment"]);
});
