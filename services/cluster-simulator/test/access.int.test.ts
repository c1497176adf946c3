import { expect, test } from "vitest";
import { type Call, startSimulator } from "./simulator.ts";

async function codeOf(path: string, options: Call): Promise<unknown> {
  await using simulator = await startSimulator();
  return (await simulator.call(path, options)).json();
}

test("answers 401 to a token that it did not give out", async () => {
  expect(await codeOf("/api/v1/pods", { role: "nobody" })).toMatchObject({ code: 401, reason: "Unauthorized" });
});

test("is ready without a token", async () => {
  await using simulator = await startSimulator();
  expect(await simulator.call("/readyz", { role: "nobody" })).toMatchObject({ status: 200, text: "ok" });
});

test("keeps secrets from the reader and says so as Kubernetes does", async () => {
  expect(await codeOf("/api/v1/namespaces/shop/secrets", {})).toMatchObject({
    code: 403,
    reason: "Forbidden",
    message:
      'secrets is forbidden: User "simulated-reader" cannot list resource "secrets" in API group "" in the namespace "shop"',
  });
});

test("shows secrets to the operator", async () => {
  await using simulator = await startSimulator();
  const { items } = await simulator.core("operator").listNamespacedSecret({ namespace: "shop" });
  expect(items.map((secret) => secret.metadata?.name)).toEqual(["payment-credentials", "registry-login"]);
});

test.each<[string, Call]>([
  ["/api/v1/namespaces/shop/pods/x", { method: "DELETE" }],
  ["/apis/apps/v1/namespaces/shop/deployments/cart", { method: "PATCH", body: { spec: { replicas: 2 } } }],
  ["/apis/apps/v1/namespaces/shop/deployments/cart/scale", { method: "PUT", body: { spec: { replicas: 2 } } }],
  ["/api/v1/namespaces/shop/pods", { method: "POST", body: {} }],
])("lets the reader change nothing: %s", async (path, options) => {
  expect(await codeOf(path, options)).toMatchObject({ code: 403 });
});

test.each([
  ["reader", "delete", "pods", false],
  ["operator", "delete", "pods", true],
  ["reader", "get", "secrets", false],
  ["reader", "list", "pods", true],
  ["operator", "delete", "nodes", false],
] as const)("says what the %s may do: %s %s", async (...[role, verb, resource, allowed]) => {
  const body = { spec: { resourceAttributes: { verb, resource, namespace: "shop" } } };
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  expect(await codeOf(path, { role, method: "POST", body })).toMatchObject({ status: { allowed } });
});
