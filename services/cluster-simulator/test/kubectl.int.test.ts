import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "./simulator.ts";

const run = promisify(execFile);
const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;

/** A cluster and a `kubectl` that sees nothing else of this machine. */
async function startWithKubectl() {
  const simulator = await startSimulator();
  const home = await mkdtemp(join(tmpdir(), "parley-kubectl-"));
  const config = join(home, "config");
  await writeFile(config, simulator.kubeconfig, { mode: 0o600 });
  return {
    async kubectl(...args: string[]): Promise<string> {
      const common = ["--kubeconfig", config, "--cache-dir", join(home, "cache")];
      const { stdout, stderr } = await run("kubectl", [...common, ...args], { timeout: 20_000 });
      return stdout + stderr;
    },
    async [Symbol.asyncDispose]() {
      await simulator[Symbol.asyncDispose]();
      await rm(home, { recursive: true });
    },
  };
}

describe.skipIf(!hasKubectl)("kubectl (skipped when it is not on the PATH)", () => {
  let cluster: Awaited<ReturnType<typeof startWithKubectl>>;

  beforeAll(async () => {
    cluster = await startWithKubectl();
  });

  afterAll(() => cluster[Symbol.asyncDispose]());

  test("lists pods as of a real cluster", async () => {
    const table = await cluster.kubectl("get", "pods", "-A");
    expect(table).toMatch(/NAMESPACE +NAME +READY +STATUS +RESTARTS +AGE/);
    expect(table).toMatch(/shop +checkout-\S+ +0\/1 +CrashLoopBackOff +\d+ \(\S+ ago\)/);
    expect(table).toMatch(/shop +cart-\S+ +2\/2 +Running +0 +9d/);
  });

  test.each([
    [["get", "pods", "-n", "shop", "-o", "wide"], /simulated-node-\d/],
    [["get", "pods", "-A", "--chunk-size=4", "--no-headers"], /^(\S+ +\S+ +\d\/\d .*\n){14}$/],
    [["get", "pods", "-A", "-l", "app in (cart)"], /cart-/],
    [["get", "pods", "-A", "--field-selector", "status.phase=Pending"], /recommender-/],
    [["get", "pods", "-n", "shop", "-o", "jsonpath={.items[0].kind}"], /^Pod$/],
    [["get", "namespaces"], /shop +Active/],
    [["get", "nodes"], /simulated-node-1 +Ready +control-plane/],
    [["get", "deploy,svc,rs,ds", "-A"], /deployment\.apps\/storefront +3\/3/],
    [["get", "events", "-n", "shop"], /Warning +FailedScheduling/],
    [["get", "statefulsets", "-A"], /No resources found/],
    [
      ["describe", "pod", "-n", "shop", "-l", "app=checkout"],
      /Reason: +CrashLoopBackOff[^]*Exit Code: +1[^]*Warning +BackOff/,
    ],
    [["describe", "deployment", "-n", "shop", "cart"], /1 desired \| 1 updated \| 1 total \| 1 available/],
    [["logs", "-n", "shop", "-l", "app=checkout", "--previous"], /PAYMENT_GATEWAY_URL is not set/],
    [["logs", "-n", "shop", "deploy/cart", "-c", "metrics", "--tail=2"], /^(level=info .*\n){2}/],
    [["version"], /Server Version: v1\.32\.0-simulated/],
    [["api-resources"], /deployments +deploy +apps\/v1 +true +Deployment/],
    [["--context", "operator", "scale", "-n", "shop", "deploy/cart", "--replicas=2"], /scaled/],
    [["--context", "operator", "rollout", "restart", "-n", "shop", "deploy/cart"], /restarted/],
    [["--context", "operator", "set", "image", "-n", "shop", "deploy/cart", "cart=other:2"], /image updated/],
  ])("%j works", async (args, expected) => {
    expect(await cluster.kubectl(...args)).toMatch(expected);
  });

  test.each([
    [["get", "pod", "-n", "shop", "nosuch"], 'Error from server (NotFound): pods "nosuch" not found'],
    [["get", "secrets", "-n", "shop"], "Error from server (Forbidden): secrets is forbidden"],
    [["scale", "-n", "shop", "deploy/cart", "--replicas=2"], 'cannot patch resource "deployments/scale"'],
  ])("%j is refused", async (args, expected) => {
    await expect(cluster.kubectl(...args)).rejects.toThrow(expected);
  });
});
