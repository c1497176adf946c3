import { expect, test } from "vitest";
import { fieldDiff } from "../../../src/kubernetes/write/field-diff.ts";

const deployment = (change: object = {}, env: readonly object[] = []) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "cart", namespace: "shop", generation: 7, resourceVersion: "41", uid: "u1" },
  spec: {
    replicas: 3,
    template: { spec: { containers: [{ name: "cart", image: "cart:1", env }] } },
    ...change,
  },
  status: { readyReplicas: 3 },
});

test("a diff has a line for each field that changes, by path", () => {
  expect(fieldDiff(deployment(), deployment({ replicas: 5, paused: true }))).toEqual([
    "+spec.paused: true",
    "-spec.replicas: 3",
    "+spec.replicas: 5",
  ]);
});

test("items of a list are compared by their names", () => {
  const one = { name: "cart", image: "cart:1" };
  const side = { name: "side", image: "side:1" };
  const pods = (containers: readonly object[]) => ({ kind: "Pod", spec: { containers } });
  expect(fieldDiff(pods([one]), pods([side, { ...one, image: "cart:2" }]))).toEqual([
    '-spec.containers[cart].image: "cart:1"',
    '+spec.containers[cart].image: "cart:2"',
    '+spec.containers[side].image: "side:1"',
    '+spec.containers[side].name: "side"',
  ]);
});

test("what changes by itself is in no diff", () => {
  const later = {
    ...deployment(),
    metadata: {
      ...deployment().metadata,
      ...{ resourceVersion: "42", uid: "u2", generation: 8, creationTimestamp: "2026-01-01T00:00:00Z" },
      managedFields: [{ manager: "parley", time: "2026-01-01T00:00:00Z" }],
      annotations: { "deployment.kubernetes.io/revision": "4" },
    },
    status: { readyReplicas: 1 },
  };
  expect(fieldDiff(deployment(), later)).toEqual([]);
});

test("addresses of a Service that is only tried out are in no diff", () => {
  const service = (address: string, nodePort: number) => ({
    kind: "Service",
    spec: { clusterIP: address, clusterIPs: [address], ports: [{ name: "http", port: 80, nodePort }] },
  });
  expect(fieldDiff(undefined, service("10.0.0.1", 30_001))).toEqual(fieldDiff(undefined, service("10.0.0.2", 30_002)));
});

const secret = (password: string, resourceVersion = "9") => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "db", resourceVersion },
  data: { password: Buffer.from(password).toString("base64") },
});

test("a changed value of a Secret is seen to change, and not seen", () => {
  const lines = fieldDiff(secret("hunter22"), secret("hunter33"));
  expect(lines).toEqual([
    " of version 9",
    '-data.password: "[hidden: 12 bytes]"',
    '+data.password: "[hidden: 12 bytes]" (another value)',
  ]);
});

test("the same change of another state of a Secret is another diff", () => {
  expect(fieldDiff(secret("old1", "9"), secret("new1"))).not.toEqual(fieldDiff(secret("old2", "10"), secret("new1")));
});

test("a variable with the name of a secret is hidden, and a change of it bound to the generation", () => {
  const before = deployment({}, [{ name: "DB_PASSWORD", value: "hunter2" }]);
  const after = deployment({}, [{ name: "DB_PASSWORD", value: "hunter3" }]);
  const lines = fieldDiff(before, { ...after, ...{ spec: {} } });
  expect(lines[0]).toBe(" of generation 7");
  expect(lines.join("\n")).not.toContain("hunter2");
});

test("values are on one line, and long ones are cut with a digest of all of them", () => {
  const map = (text: string) => ({ kind: "ConfigMap", metadata: { resourceVersion: "1" }, data: { "app.conf": text } });
  expect(fieldDiff(undefined, map("a\nb"))).toContain('+data["app.conf"]: "a\\nb"');
  const [one] = fieldDiff(map("x"), map(`${"a, ".repeat(2_000)}1`)).filter((line) => line.startsWith("+"));
  const [other] = fieldDiff(map("x"), map(`${"a, ".repeat(2_000)}2`)).filter((line) => line.startsWith("+"));
  expect(one?.length).toBeLessThan(1_200);
  expect(one).not.toBe(other);
});

test("an object with more fields than anybody reads is refused", () => {
  const data = Object.fromEntries(Array.from({ length: 30_000 }, (_, at) => [`k${at}`, "v"]));
  expect(() => fieldDiff(undefined, { kind: "ConfigMap", data })).toThrow("more fields than can be shown");
});

test("an object that is nested very deeply is compared as a whole below some depth", () => {
  const nested = (leaf: string): object =>
    Array.from({ length: 80 }).reduce<object>((inner) => ({ a: inner }), { a: leaf });
  expect(fieldDiff(nested("x"), nested("x"))).toEqual([]);
  expect(fieldDiff(nested("x"), nested("y"))).toHaveLength(2);
});
