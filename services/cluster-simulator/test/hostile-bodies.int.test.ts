import { request } from "node:https";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSimulator } from "./simulator.ts";

type Simulator = Awaited<ReturnType<typeof startSimulator>>;

const MAPS = "/api/v1/namespaces/shop/configmaps";
let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator();
});

afterAll(() => simulator[Symbol.asyncDispose]());

/** Sends bytes as they are, as the operator. */
function post(body: string | Buffer, type: string): Promise<number> {
  const config = JSON.parse(simulator.kubeconfig) as {
    clusters: { cluster: { server: string } }[];
    users: { name: string; user: { token: string } }[];
  };
  const token = config.users.find(({ name }) => name === "operator")?.user.token ?? "";
  const headers = { authorization: `Bearer ${token}`, "content-type": type, "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const url = `${config.clusters[0]?.cluster.server ?? ""}${MAPS}`;
    const req = request(url, { method: "POST", headers, rejectUnauthorized: false, agent: false }, (res) => {
      res.resume();
      resolve(res.statusCode ?? 0);
    });
    req.on("error", reject);
    req.end(body);
  });
}

const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
const bomb = [
  "a: &a [x,x,x,x,x,x,x,x,x]",
  ..."bcdefghi".split("").map((name, index) => `${name}: &${name} [${`*${"abcdefgh"[index]},`.repeat(9)}]`),
].join("\n");

test.each<[string, string | Buffer, string, number]>([
  ["more than it takes", `{"data":{"a":"${"x".repeat(3_200_000)}"}}`, "application/json", 413],
  ["what is not JSON", "{", "application/json", 400],
  ["a list", "[]", "application/json", 400],
  ["nothing", "", "application/json", 400],
  ["JSON that is nested too deep", nested(200_000), "application/json", 400],
  ["a YAML bomb", bomb, "application/yaml", 400],
  ["a field that would be a prototype", '{"metadata":{"name":"x","__proto__":{"labels":{}}}}', "application/json", 400],
  ["protobuf", Buffer.from([0x6b, 0x38, 0x73, 0]), "application/vnd.kubernetes.protobuf", 415],
  ["a name of another planet", '{"metadata":{"name":"../../etc"}}', "application/json", 422],
  ["a label of many lines", '{"metadata":{"name":"x","labels":{"a":"1\\n2"}}}', "application/json", 422],
])("refuses %s and goes on to answer", async (...[, body, type, status]) => {
  expect(await post(body, type)).toBe(status);
  expect(await simulator.call("/version")).toMatchObject({ status: 200 });
});

test("takes YAML, and bytes that are not UTF-8 for what they can be", async () => {
  expect(await post("metadata:\n  name: from-yaml\ndata:\n  a: b\n", "application/yaml")).toBe(201);
  const bytes = Buffer.concat([
    Buffer.from('{"metadata":{"name":"bytes"},"data":{"a":"'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"}}'),
  ]);
  expect(await post(bytes, "application/json")).toBe(201);
});

test.each([
  ["/api/v1/namespaces/shop/pods?limit=many", 400],
  ["/api/v1/namespaces/shop/pods?watch=true&resourceVersion=x", 400],
  ["/api/v1/namespaces/shop/pods/%E0%A4%A", 404],
  ["/api/v1/namespaces/shop/pods/x/y/z", 404],
  ["/api/v1/namespaces/shop/configmaps/__proto__", 404],
  ["/api/v1/namespaces/shop/configmaps/constructor", 404],
  ["/openapi/v3/apis/../../etc/passwd", 404],
])("answers %s with %i", async (path, status) => {
  expect(await simulator.call(path)).toMatchObject({ status });
});
