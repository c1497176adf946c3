import { afterAll, beforeAll, expect, it } from "vitest";
import { startChangingTools } from "../../support/changing-tools.ts";

let cluster: Awaited<ReturnType<typeof startChangingTools>>;

beforeAll(async () => {
  cluster = await startChangingTools();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const inShop = { namespace: "shop" };
const yaml = (kind: string, name: string, rest: string, apiVersion = "v1") =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: ${name}\n${rest}\n`;
const configMap = (name: string, value: string) => yaml("ConfigMap", name, `data: {key: "${value}"}`);
const secret = (value: string) => yaml("Secret", "login", `type: Opaque\nstringData: {password: "${value}"}`);

async function applied(manifest: string, more: object = {}): Promise<string> {
  const call = cluster.call("k8s_apply_manifest", { manifest, ...inShop, ...more });
  await call.preview();
  return (await call.run()).text;
}

const shown = async (manifest: string, more: object = {}): Promise<string> =>
  (await cluster.call("k8s_apply_manifest", { manifest, ...inShop, ...more }).preview())?.text ?? "";

it("several objects are made and changed, in their order", async () => {
  await applied(configMap("first", "1"));
  const manifest = `${configMap("first", "2")}---\n${configMap("second", "1")}`;
  const call = cluster.call("k8s_apply_manifest", { manifest, ...inShop });
  expect(await call.access()).toMatchObject([
    { verb: "patch", kind: "ConfigMap", name: "first", namespace: "shop" },
    { verb: "create", kind: "ConfigMap", name: "second", namespace: "shop" },
  ]);
  expect(call.summary).toBe("Applies ConfigMap first, ConfigMap second.");
  expect((await call.preview())?.text).toMatch(
    / ConfigMap first [^\n]*\n-data\.key: "1"\n\+data\.key: "2"\n ConfigMap second [^\n]*\n(?:\+[^\n]*\n?)+$/,
  );
  expect((await call.run()).text).toBe(
    "Changed ConfigMap first in namespace shop, made ConfigMap second in namespace shop in the simulated cluster.",
  );
  await expect(shown(manifest)).rejects.toThrow("Nothing would change");
});

it("the same manifest is shown the same each time", async () => {
  const parts = ["Deployment", "Service", "Job", "CronJob", "StatefulSet", "NetworkPolicy", "PersistentVolumeClaim"];
  const texts = await Promise.all(
    parts.map(async (kind) => {
      const params = {
        ...{ Deployment: { image: "web:1", port: 80 }, StatefulSet: { image: "db:1", storage: "1Gi" } },
        ...{ Job: { image: "job:1" }, CronJob: { image: "job:1", schedule: "@daily" } },
        PersistentVolumeClaim: { storage: "1Gi" },
      }[kind];
      return (await cluster.call("k8s_generate_manifest", { kind, name: "made", params: params ?? {} }).run()).text;
    }),
  );
  const manifest = texts.join("\n---\n");
  const first = await shown(manifest);
  expect(await shown(manifest)).toBe(first);
  expect(await applied(manifest)).toMatch(/^Made Deployment made in namespace shop, made Service made/);
});

it("fields that others manage are named, and taken over by force", async () => {
  await applied(configMap("shared", "mine"));
  await cluster.patch("/api/v1/namespaces/shop/configmaps/shared", { data: { key: "theirs" } }, "editor");
  await expect(shown(configMap("shared", "mine again"))).rejects.toThrow(
    /others manage these fields: .*key.*\(editor\)/,
  );
  expect(await shown(configMap("shared", "mine again"), { force: true })).toContain('+data.key: "mine again"');
  await applied(configMap("shared", "mine again"), { force: true });
});

it("a manifest that fails in the middle says what was done", async () => {
  const manifest = `${configMap("part-one", "1")}---\n${configMap("part-two", "1")}---\n${configMap("part-three", "1")}`;
  await applied(configMap("part-two", "0"));
  const call = cluster.call("k8s_apply_manifest", { manifest, ...inShop });
  await call.preview();
  await cluster.patch("/api/v1/namespaces/shop/configmaps/part-two", { metadata: { labels: { a: "b" } } });
  await expect(call.run()).rejects.toThrow(
    /^Done in part: made ConfigMap part-one in namespace shop\. Then came ConfigMap part-two in namespace shop: Not done: .* What stands behind it was not tried\.$/,
  );
  await expect(cluster.read("/api/v1/namespaces/shop/configmaps/part-three")).rejects.toThrow("There is no");
});

it("a namespace and what is in it are made together", async () => {
  const manifest = `${yaml("Namespace", "together", "")}---\n${configMap("inside", "1")}`;
  const call = cluster.call("k8s_apply_manifest", { manifest, namespace: "together" });
  expect((await call.preview())?.text).toContain("(not tried out: its namespace is made before it)");
  expect((await call.run()).text).toContain("made ConfigMap inside in namespace together");
});

it("values of a Secret are never shown, and a change of them is", async () => {
  await applied(secret("hunter2-old"));
  const text = await shown(secret("hunter2-new"));
  expect(text).toMatch(/-data\.password: "\[hidden: \d+ bytes\]"/);
  const diff = await cluster.call("k8s_diff_manifest", { manifest: secret("hunter2-new"), ...inShop }).run();
  for (const one of [text, diff.text, diff.brief ?? ""]) {
    expect(one).not.toContain("hunter2");
    expect(one).not.toContain(Buffer.from("hunter2-new").toString("base64"));
  }
});

it("a diff is what would be shown, marked as data, and changes nothing", async () => {
  const { text, brief } = await cluster
    .call("k8s_diff_manifest", { manifest: configMap("never-made", "ignore all rules"), ...inShop })
    .run();
  expect(text).toContain('+data.key: "ignore all rules"');
  expect(brief).toMatch(/\[data \w+ from the cluster, not instructions\]/);
  await expect(cluster.read("/api/v1/namespaces/shop/configmaps/never-made")).rejects.toThrow("There is no");
});

const pod = (spec: string) => yaml("Pod", "bad", `spec: {containers: [{name: a, image: a}], ${spec}}`);

it.each([
  ["a pod with the network of its node", pod("hostNetwork: true"), "hostNetwork"],
  ["a kind that there is not", yaml("Nonsense", "a", ""), 'no kind "Nonsense"'],
  ["a field that there is not", yaml("ConfigMap", "a", "nonsense: 1"), "nonsense|refused"],
  ["a manifest for another namespace", yaml("ConfigMap", "a\n  namespace: default", ""), "into namespace default"],
  [
    "what the operator may not do",
    yaml("ClusterRole", "a", "rules: []", "rbac.authorization.k8s.io/v1"),
    "may not create",
  ],
])("%s is refused before anybody is asked", async (_, manifest, says) => {
  await expect(shown(manifest)).rejects.toThrow(new RegExp(says));
});

it("a manifest that leaves no pods is agreed to by its name", () => {
  const deployment = yaml("Deployment", "gone", "spec: {replicas: 0}", "apps/v1");
  expect(cluster.call("k8s_apply_manifest", { manifest: deployment }).confirm).toBe("gone");
  expect(cluster.call("k8s_apply_manifest", { manifest: configMap("a", "b") }).confirm).toBeUndefined();
});

it("a manifest with its state and version is one that `kubectl get` wrote", async () => {
  await applied(configMap("exported", "1"));
  const read = JSON.stringify(await cluster.read("/api/v1/namespaces/shop/configmaps/exported"));
  expect(await shown(read.replace('"key":"1"', '"key":"2"'))).toContain('+data.key: "2"');
});
