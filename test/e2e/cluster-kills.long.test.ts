import path from "node:path";
import { pathToFileURL } from "node:url";
import { AppsV1Api, KubeConfig } from "@kubernetes/client-node";
import { pendingApprovals } from "@parley/protocol";
import {
  eventually,
  startService,
  startSystem,
  tempDir,
  type Service,
  type System,
  type TempDir,
} from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { person } from "./person.ts";

const plant = pathToFileURL(path.resolve(import.meta.dirname, "../chaos/planted/plant.mjs")).href;
const [name, namespace] = ["checkout", "shop"];

let system: System;
let folder: TempDir;
let kubeconfig: string;

beforeAll(async () => {
  folder = await tempDir();
  kubeconfig = path.join(folder.path, "kubeconfig");
  const env = {
    "agent-worker": { OPENAI_MODEL: "parley-simulated-fast" },
    "cluster-simulator": { KUBECONFIG_OUT: kubeconfig },
  };
  system = await startSystem({ agentWorkers: 2, toolWorkers: 0, env });
}, 60_000);

afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** `death`: where in its code it kills itself (test/chaos/planted). */
function startToolWorker(death?: string): Promise<Service> {
  return startService("tool-worker", {
    ...{ NATS_URL: system.nats.url, REDIS_URL: system.redis.url, LOCK_MS: "1000", STALLED_CHECK_MS: "200" },
    ...{ KUBECONFIG: kubeconfig, KUBE_OPERATOR_CONTEXT: "operator", KUBE_LABEL: "simulated cluster" },
    ...(death === undefined ? {} : { NODE_OPTIONS: `--import=${plant}`, PARLEY_PLANTED_FAULT: death }),
  });
}

/** It counts the changes of what the deployment is to be: each restart is one. */
async function generation(): Promise<number> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const { metadata } = await config.makeApiClient(AppsV1Api).readNamespacedDeployment({ name, namespace });
  return metadata?.generation ?? 0;
}

const completed = { status: "completed", result: expect.stringMatching(/^Restarted the pods of Deployment checkout/) };
const unknown = { status: "unknown" };

it.each<[string, object, number]>([
  // Nothing has begun: another worker does it.
  ["tool worker dies before it decides", completed, 1],
  ["tool worker dies before its licence", completed, 1],
  // It may have begun, and nobody can know: it is not done again, and told as unknown, whether it was or not.
  ["tool worker dies before it tells of its licence", unknown, 0],
  ["tool worker dies with a licence", unknown, 0],
  ["tool worker dies after a change in a cluster", unknown, 1],
  ["tool worker dies with a result", unknown, 1],
  // What it came to is stored.
  ["tool worker dies before it tells a result", completed, 1],
])("P5: a %s while pods are restarted: no restart twice, no lie", { timeout: 60_000 }, async (death, end, times) => {
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const asking = await startToolWorker();
  const call = `call the tool rollout_restart_deployment with ${JSON.stringify({ deployment: name, namespace })}`;
  const { turn_id: turn } = await chat.send(call);
  await eventually(() => pendingApprovals(chat.view).length === 1, { what: "the question", timeoutMs: 20_000 });
  await asking[Symbol.asyncDispose]();
  const before = await generation();
  await using first = await startToolWorker(death);
  const asked = pendingApprovals(chat.view)[0]!;
  await chat.approve(asked.call.call_id, true);
  await first.exited;
  await using _one = await startToolWorker();
  await using _other = await startToolWorker();
  const outcome = await chat.untilEnd(turn);
  expect(outcome).toMatchObject({ type: "complete", tool_calls: [end] });
  expect((await generation()) - before).toBe(times);
});
