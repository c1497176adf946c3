import { afterAll, beforeAll, expect, it } from "vitest";
import { NotDoneError } from "../../../src/tools/tool.ts";
import { startChangingTools } from "../../support/changing-tools.ts";

let cluster: Awaited<ReturnType<typeof startChangingTools>>;

beforeAll(async () => {
  cluster = await startChangingTools();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const path = (name: string) => `/apis/apps/v1/namespaces/shop/deployments/${name}`;
const cart = { name: "cart", namespace: "shop" };

it("a Deployment is scaled as it was shown", async () => {
  const call = cluster.call("k8s_scale", { ...cart, replicas: 3 });
  expect(await call.access()).toEqual([
    { system: "kubernetes", verb: "scale", cluster: "reader", group: "apps", kind: "Deployment", ...{ ...cart } },
  ]);
  expect(await call.preview()).toEqual({
    kind: "diff",
    text: " Deployment cart in namespace shop of the simulated cluster\n-spec.replicas: 1\n+spec.replicas: 3",
  });
  expect(await cluster.read(path("cart"))).toMatchObject({ spec: { replicas: 1 } });
  expect((await call.run()).text).toBe(
    "Scaled Deployment cart in namespace shop from 1 to 3 replicas in the simulated cluster.",
  );
  expect(await cluster.read(path("cart"))).toMatchObject({ spec: { replicas: 3 } });
});

it("a preview says the same each time it is made", async () => {
  const [one, other] = [1, 2].map(() => cluster.call("k8s_rollout_restart", { name: "storefront", namespace: "shop" }));
  const first = await one?.preview();
  expect(first?.text).toContain("(the time at which it is done)");
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  expect(await other?.preview()).toEqual(first);
});

it("whoever stops all pods has to type the name", () => {
  expect(cluster.call("k8s_scale", { ...cart, replicas: 0 }).confirm).toBe("cart");
  expect(cluster.call("k8s_scale", { ...cart, replicas: 1 }).confirm).toBeUndefined();
  expect(cluster.call("k8s_patch", { ...cart, kind: "deploy", patch: { spec: { replicas: 0 } } }).confirm).toBe("cart");
});

it("a Deployment that somebody else has changed otherwise is left alone", async () => {
  const call = cluster.call("k8s_scale", { name: "storefront", namespace: "shop", replicas: 5 });
  await call.preview();
  await cluster.patch(path("storefront"), { spec: { replicas: 4 } });
  await expect(call.run()).rejects.toThrow(NotDoneError);
  expect(await cluster.read(path("storefront"))).toMatchObject({ spec: { replicas: 4 } });
});

it("a Deployment of which something else has changed meanwhile is changed", async () => {
  const call = cluster.call("k8s_scale", { name: "storefront", namespace: "shop", replicas: 2 });
  await call.preview();
  const annotations = { "kubectl.kubernetes.io/restartedAt": new Date().toISOString() };
  await cluster.patch(path("storefront"), { spec: { template: { metadata: { annotations } } } });
  await call.run();
  expect(await cluster.read(path("storefront"))).toMatchObject({ spec: { replicas: 2 } });
});

it("an expectation that does not hold is a reason not to ask", async () => {
  const call = cluster.call("k8s_scale", { ...cart, replicas: 5, expectReplicas: 9 });
  await expect(call.preview()).rejects.toThrow("replicas, not 9");
});

it("what is that way already is not asked about", async () => {
  await cluster.patch(path("cart"), { spec: { replicas: 2 } });
  await expect(cluster.call("k8s_scale", { ...cart, replicas: 2 }).preview()).rejects.toThrow("Nothing would change");
});

it("an image is set in a container that is there, and in no other", async () => {
  const call = cluster.call("k8s_set_image", { ...cart, container: "cart", image: "registry.example/cart:9" });
  expect((await call.preview())?.text).toContain(
    '+spec.template.spec.containers[cart].image: "registry.example/cart:9"',
  );
  await call.run();
  const wrong = cluster.call("k8s_set_image", { ...cart, container: "nope", image: "x:1" });
  await expect(wrong.preview()).rejects.toThrow("There is no container nope; there are");
});

it.each(["nginx; rm -rf /", "-x", "$(id)", "a b", "NGINX", "nginx:", "http://x/y"])("%j is no image", (image) => {
  expect(() => cluster.call("k8s_set_image", { ...cart, container: "cart", image })).toThrow("image");
});

it.each([
  ["k8s_scale", { name: "nope", namespace: "shop", replicas: 2 }, "There is no deployment nope in namespace shop"],
  ["k8s_scale", { kind: "Nonsense", name: "cart", replicas: 2 }, 'The cluster has no kind "Nonsense"'],
  ["k8s_rollout_restart", { name: "nope", namespace: "shop" }, "There is no deployment nope"],
])("%s of what is not there is a sentence, and nobody is asked", async (name, args, says) => {
  await expect(cluster.call(name, args).preview()).rejects.toThrow(says);
});

it.each([-1, 101, 1.5, "many"])("%j replicas are not valid", (replicas) => {
  expect(() => cluster.call("k8s_scale", { ...cart, replicas })).toThrow("replicas");
});
