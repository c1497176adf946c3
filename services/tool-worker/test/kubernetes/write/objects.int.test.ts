import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { NotDoneError } from "../../../src/tools/tool.ts";
import { startChangingTools } from "../../support/changing-tools.ts";

let cluster: Awaited<ReturnType<typeof startChangingTools>>;

beforeAll(async () => {
  cluster = await startChangingTools();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const inShop = { namespace: "shop" };
const config = "/api/v1/namespaces/shop/configmaps/checkout-config";
const storefront = "/apis/apps/v1/namespaces/shop/deployments/storefront";

/** Shown and run, as when somebody agreed. */
async function done(name: string, args: Record<string, unknown>): Promise<string> {
  const call = cluster.call(name, args);
  await call.preview();
  return (await call.run()).text;
}

const shown = async (name: string, args: Record<string, unknown>): Promise<string> =>
  (await cluster.call(name, args).preview())?.text ?? "";

it("fields of any object are patched as they were shown", async () => {
  const args = { ...inShop, kind: "cm", name: "checkout-config", patch: { data: { RETRIES: "5", LOG_LEVEL: null } } };
  expect(await shown("k8s_patch", args)).toBe(
    [
      " ConfigMap checkout-config in namespace shop of the simulated cluster",
      '-data.LOG_LEVEL: "info"',
      '-data.RETRIES: "3"',
      '+data.RETRIES: "5"',
    ].join("\n"),
  );
  expect(await done("k8s_patch", args)).toContain("Changed ConfigMap checkout-config in namespace shop");
  expect(await cluster.read(config)).toMatchObject({ data: { RETRIES: "5" } });
});

it("a patch that somebody else's change makes another one is not made", async () => {
  const call = cluster.call("k8s_patch", {
    ...{ ...inShop, kind: "ConfigMap", name: "checkout-config" },
    patch: { data: { RETRIES: "7" } },
  });
  await call.preview();
  await cluster.patch(config, { data: { RETRIES: "6" } });
  await expect(call.run()).rejects.toThrow("the object was changed after this was shown");
  expect(await cluster.read(config)).toMatchObject({ data: { RETRIES: "6" } });
});

it("a patch for another version than there is is not shown", async () => {
  const args = { ...inShop, kind: "cm", name: "checkout-config", patch: { data: { A: "b" } }, resourceVersion: "1" };
  await expect(shown("k8s_patch", args)).rejects.toThrow("not 1; look at it again");
});

it.each([
  ["its name", { metadata: { name: "other" } }, "metadata.name cannot be changed"],
  ["its state", { status: { phase: "Failed" } }, "status of an object"],
  ["nothing", { data: {} }, "Nothing would change"],
  ["a field that there is not", { spec: { nonsense: true } }, "refused|Nothing would change"],
])("%s cannot be patched", async (_, patch, says) => {
  await expect(shown("k8s_patch", { ...inShop, kind: "cm", name: "checkout-config", patch })).rejects.toThrow(
    new RegExp(says),
  );
});

it("no patch opens the node", async () => {
  const patch = { spec: { template: { spec: { hostPID: true } } } };
  await expect(shown("k8s_patch", { ...inShop, kind: "deploy", name: "storefront", patch })).rejects.toThrow(
    "it would give Deployment storefront in namespace shop hostPID",
  );
});

it("a custom kind is patched too", async () => {
  const list = await cluster.call("k8s_api_resources", { group: "simulated.parley.dev" }).run();
  expect(list.text).toContain("simulated.parley.dev");
});

it("a storage class is patched, which belongs to no namespace", async () => {
  const classes = await cluster.read("/apis/storage.k8s.io/v1/storageclasses");
  const name = JSON.stringify(classes).match(/"metadata":\{[^}]*?"name":"([^"]+)"/)?.[1] ?? "none";
  const args = { storageclass_name: name, patch_data: { metadata: { labels: { touched: "yes" } } } };
  const call = cluster.call("patch_storageclass", args);
  expect(await call.access()).toMatchObject([{ verb: "patch", group: "storage.k8s.io", kind: "StorageClass", name }]);
  expect((await call.preview())?.text).toContain('+metadata.labels.touched: "yes"');
  await call.run();
});

it("an object is deleted, and a new one of its name is not deleted for it", async () => {
  await done("k8s_apply_manifest", { manifest: configMap("short-lived"), ...inShop });
  const call = cluster.call("k8s_delete", { ...inShop, kind: "cm", name: "short-lived" });
  expect(call.confirm).toBe("short-lived");
  const text = (await call.preview())?.text ?? "";
  expect(text).toMatch(/^-ConfigMap short-lived in namespace shop/);
  expect(await shown("k8s_delete", { ...inShop, kind: "cm", name: "short-lived" })).toBe(text);
  await done("k8s_delete", { ...inShop, kind: "cm", name: "short-lived" });
  await done("k8s_apply_manifest", { manifest: configMap("short-lived"), ...inShop });
  await expect(call.run()).rejects.toThrow(NotDoneError);
  await expect(cluster.read("/api/v1/namespaces/shop/configmaps/short-lived")).resolves.toBeDefined();
});

it("a deletion says to whom the object belongs", async () => {
  const pods = JSON.stringify(await cluster.read("/api/v1/namespaces/shop/pods"));
  const name = /"name":"(storefront-[a-z0-9]+-[a-z0-9]+)"/.exec(pods)?.[1] ?? "none";
  const text = await shown("delete_pod", { ...inShop, pod_name: name, force: true });
  expect(text).toContain("belongs to ReplicaSet storefront-");
  expect(text).toContain("time to stop: 0 s, so it is ended at once");
  expect(await done("delete_pod", { ...inShop, pod_name: name, force: true })).toContain(`Pod ${name}`);
});

it("an object with another uid is not deleted", async () => {
  const args = { ...inShop, kind: "deploy", name: "storefront", uid: "another" };
  await expect(shown("k8s_delete", args)).rejects.toThrow("the object has the uid");
});

it("new pods are kept from a node, and let in again", async () => {
  const name = "simulated-node-2";
  expect(await shown("k8s_cordon", { name })).toContain("+spec.unschedulable: true");
  await done("cordon_node", { node_name: name });
  expect(await cluster.read(`/api/v1/nodes/${name}`)).toMatchObject({ spec: { unschedulable: true } });
  await expect(shown("k8s_cordon", { name })).rejects.toThrow("Nothing would change");
  expect(await shown("k8s_cordon", { name, op: "uncordon" })).toContain("-spec.unschedulable: true");
  await done("uncordon_node", { node_name: name });
  expect(await cluster.read(`/api/v1/nodes/${name}`)).not.toMatchObject({ spec: { unschedulable: true } });
});

it("a namespace is made once", async () => {
  expect(await shown("k8s_create_namespace", { name: "fresh" })).toContain('+metadata.name: "fresh"');
  expect(await done("create_namespace", { name: "fresh" })).toContain("Made Namespace fresh");
  await expect(shown("k8s_create_namespace", { name: "fresh" })).rejects.toThrow(/already exists/);
});

it("a Deployment goes back to its last revision, or to one that is named", async () => {
  const image = async (): Promise<string> =>
    /storefront:([\w.]+)/.exec(JSON.stringify(await cluster.read(storefront)))?.[1] ?? "";
  const first = await image();
  for (const tag of ["7", "8"]) {
    await done("k8s_set_image", {
      ...{ ...inShop, name: "storefront", container: "storefront" },
      image: `registry.simulated/shop/storefront:${tag}`,
    });
    await sleep(300);
  }
  expect(await shown("k8s_rollout_undo", { ...inShop, name: "storefront" })).toMatch(
    /-.*storefront:8"\n\+.*storefront:7"/,
  );
  await done("k8s_rollout_undo", { ...inShop, name: "storefront" });
  expect(await image()).toBe("7");
  await done("k8s_rollout_undo", { ...inShop, name: "storefront", toRevision: 1 });
  expect(await image()).toBe(first);
  await expect(shown("k8s_rollout_undo", { ...inShop, name: "storefront", toRevision: 99 })).rejects.toThrow(
    /There is no revision 99; there are \d/,
  );
});

function configMap(name: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {a: b}\n`;
}
