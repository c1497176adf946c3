import { randomUUID } from "node:crypto";
import { openBus, type Bus } from "@parley/bus";
import { Fact, subjects, type FactOf } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startSystem, type System } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { testEncryption } from "./test-encryption.ts";
import { openKubernetesChat, type FrameOf, type KubernetesChat } from "../clients/kubernetes-chat.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

let system: System;
let chat: KubernetesChat;
let bus: Bus;
/** What people were asked, by tool. */
const asked = new Map<string, FactOf<"asked">[]>();

beforeAll(async () => {
  const env = {
    "tool-worker": { KUBE_EXEC_COMMANDS: "hostname" },
    "agent-worker": { OPENAI_MODEL: "parley-simulated-fast" },
  };
  system = await startSystem({ env });
  bus = await openBus({ servers: system.nats.url, name: "test", log, ...(await testEncryption()) });
  void agreeToAll();
  chat = await openKubernetesChat(`ws://127.0.0.1:${system.edges[0]!.port}/ws/chat`);
}, 60_000);
afterAll(async () => {
  chat.disconnect();
  await bus.close();
  await system[Symbol.asyncDispose]();
});

/** The clients of this dialect cannot agree to anything: somebody at another device does, to whatever is asked. */
async function agreeToAll(): Promise<void> {
  for await (const message of bus.nc.subscribe(subjects.allFacts(0))) {
    const fact = Fact.safeParse(message.json());
    if (!fact.success || fact.data.kind !== "asked") continue;
    const { conversation_id, turn_id, call_id, hash, tool_name } = fact.data;
    asked.set(tool_name, [...(asked.get(tool_name) ?? []), fact.data]);
    const about = { v: 1, conversation_id, turn_id, ts: Date.now(), call_id, hash };
    await bus.facts.write({ kind: "decided", ...about, approved: true, by: { id: "anna", name: "Anna" } });
  }
}

type Ended = FrameOf<"tool_call_end">["data"];

/** What a message's first call came to. */
async function calling(name: string, args: object): Promise<Ended> {
  const before = chat.frames.length;
  chat.send({ message: `call the tool ${name} with ${JSON.stringify(args)}`, conversation_id: randomUUID() });
  const ends = (): number => chat.frames.findIndex(({ type }, at) => at >= before && /^(complete|error)$/.test(type));
  await expect.poll(ends, { timeout: 30_000 }).toBeGreaterThanOrEqual(before);
  expect(chat.problems).toEqual([]);
  const end = chat.frames.slice(before).find((frame) => frame.type === "tool_call_end");
  if (end?.type !== "tool_call_end") throw new Error(`no call ended: ${JSON.stringify(chat.frames.slice(before))}`);
  return end.data;
}

/** The name of a pod of `shop` that begins so. */
async function podOf(app: string): Promise<string> {
  const { result } = await calling("list_pods", { namespace: "shop" });
  return new RegExp(`${app}-[a-z0-9]+-[a-z0-9]+`).exec(result)?.[0] ?? "none";
}

const namespace = "shop";
const yaml_content = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seed}\ndata: {a: b}\n";
const labels = { metadata: { labels: { touched: "yes" } } };

/** All 32 tools of the other assistant, with arguments of its documents, and what the result says. `pod`: the name of one that runs. */
const calls: readonly [name: string, args: (pod: string) => object, says: RegExp][] = [
  ["list_pods", () => ({ namespace, output_format: "wide", show_labels: true }), /pods in namespace shop/],
  ["list_deployments", () => ({ namespace, output_format: "json" }), /storefront/],
  ["list_services", () => ({ all_namespaces: true }), /kube-dns/],
  ["list_namespaces", () => ({ output_format: "yaml" }), /monitoring/],
  ["list_nodes", () => ({ show_labels: false }), /simulated-node-1/],
  ["list_resources", () => ({ resource_type: "svc", namespace, label_selector: "app=cart" }), /cart/],
  ["get_pod_logs", (pod_name) => ({ pod_name, namespace, tail_lines: 5, follow: false }), /lines/],
  ["get_pod_status", (pod_name) => ({ pod_name, namespace }), /Running/],
  ["describe_pod", (pod_name) => ({ pod_name, namespace }), /Running/],
  ["get_events", () => ({ namespace, involved_object_kind: "Pod", limit: 10 }), /event/i],
  ["scale_deployment", () => ({ deployment: "storefront", namespace, replicas: 4 }), /from 3 to 4 replicas/],
  ["rollout_restart_deployment", () => ({ deployment: "checkout", namespace }), /^Restarted the pods/],
  ["patch_deployment", () => ({ deployment_name: "cart", namespace, patch_data: labels }), /^Changed Deployment cart/],
  ["patch_pod", (pod_name) => ({ pod_name, namespace, patch_data: labels }), /^Changed Pod/],
  ["patch_storageclass", () => ({ storageclass_name: "standard", patch_data: labels }), /^Changed StorageClass/],
  ["exec_in_pod", (pod_name) => ({ pod_name, namespace, command: ["hostname"] }), /ended well/],
  ["cordon_node", () => ({ node_name: "simulated-node-3" }), /^No new pods come to Node simulated-node-3/],
  ["uncordon_node", () => ({ node_name: "simulated-node-3" }), /^New pods may come again/],
  ["create_namespace", () => ({ name: "seed" }), /^Made Namespace seed/],
  ["apply_yaml", () => ({ yaml_content, namespace }), /^Made ConfigMap seed/],
  ["delete_resource", () => ({ resource_type: "cm", resource_name: "seed", namespace }), /^Deleted ConfigMap seed/],
  ["delete_pod", (pod_name) => ({ pod_name, namespace, grace_period_seconds: 1 }), /Pod storefront-/],
  ["generate_deployment_yaml", () => ({ name: "web", image: "nginx:1.29", replicas: 2 }), /kind: Deployment/],
  ["generate_service_yaml", () => ({ name: "web", app_label: "web", target_port: 8080 }), /kind: Service/],
  ["generate_configmap_yaml", () => ({ name: "web", data: { a: "b" } }), /kind: ConfigMap/],
  ["generate_secret_yaml", () => ({ name: "web", data: { password: "hunter2" } }), /<value of password>/],
  ["generate_ingress_yaml", () => ({ name: "web", host: "web.example" }), /kind: Ingress/],
  ["generate_pvc_yaml", () => ({ name: "web", size: "5Gi" }), /kind: PersistentVolumeClaim/],
  ["generate_hpa_yaml", () => ({ name: "web", max_replicas: 5 }), /kind: HorizontalPodAutoscaler/],
  ["generate_job_yaml", () => ({ name: "web", command: ["echo", "hello"] }), /kind: Job/],
  ["generate_cronjob_yaml", () => ({ name: "web", schedule: "0 3 * * *" }), /kind: CronJob/],
  ["generate_statefulset_yaml", () => ({ name: "web", replicas: 1 }), /kind: StatefulSet/],
];

it("there are 32 of them", () => {
  expect(new Set(calls.map(([name]) => name)).size).toBe(32);
});

it.each(calls)("%s does what the documents say, under its own name", async (name, args, says) => {
  const end = await calling(name, args(args.length === 0 ? "" : await podOf("storefront")));
  expect(end).toMatchObject({ tool_name: name, status: "completed", result: expect.stringMatching(says) });
  expect(end.result).not.toContain("hunter2");
});

it("people are asked about each that changes something, and about no other", () => {
  const changing = calls.map(([name]) => name).filter((name) => !/^(?:list|get|describe|generate)_/.test(name));
  expect([...asked.keys()].toSorted()).toEqual(changing.toSorted());
  expect(asked.get("delete_resource")?.map(({ confirm }) => confirm)).toEqual(["seed"]);
  expect(asked.get("scale_deployment")?.map(({ confirm }) => confirm)).toEqual([undefined]);
});
