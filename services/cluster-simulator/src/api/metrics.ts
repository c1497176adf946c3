import { notFound, unknownPath } from "../api-status.ts";
import type { Cluster } from "../cluster.ts";
import { isoSeconds, MINUTE_MS } from "../durations.ts";
import { pickNumber } from "../fixed-random.ts";
import { at, type JsonObject, listAt, textAt } from "../json.ts";
import { type KubeObject, labelsOf, nameOf, namespaceOf } from "../kube-object.ts";
import { quantityOf } from "../kinds/pod-template.ts";
import { parseFieldSelector, parseLabelSelector } from "../selectors.ts";
import type { ResourcePath } from "./request-path.ts";
import { type ApiReply, type ApiRequest, ok } from "./request.ts";

const API_VERSION = "metrics.k8s.io/v1beta1";

/** What pods and nodes use, as a metrics server reports it: a steady share of what was asked for, a little different each minute. */
export function metricsReply(
  cluster: Cluster,
  { url }: ApiRequest,
  { version, plural, namespace, name }: ResourcePath,
): ApiReply {
  if (version !== "v1beta1" || !["pods", "nodes"].includes(plural)) throw unknownPath();
  const isPods = plural === "pods";
  const hasLabels = parseLabelSelector(url.searchParams.get("labelSelector") ?? "");
  const hasFields = parseFieldSelector(url.searchParams.get("fieldSelector") ?? "");
  const all = cluster.store
    .list(cluster.kinds.named(isPods ? "Pod" : "Node"))
    .filter((object) => (namespace === undefined || namespaceOf(object) === namespace) && hasLabels(labelsOf(object)))
    .filter((object) => hasFields({ "metadata.name": nameOf(object), "metadata.namespace": namespaceOf(object) ?? "" }))
    .filter((object) => !isPods || textAt(object, "status", "phase") === "Running");
  const shape = (object: KubeObject): JsonObject =>
    isPods ? podMetrics(object, cluster.now()) : nodeMetrics(object, cluster);
  if (name === undefined)
    return ok({
      kind: isPods ? "PodMetricsList" : "NodeMetricsList",
      apiVersion: API_VERSION,
      metadata: {},
      items: all.map(shape),
    });
  const found = all.find((object) => nameOf(object) === name);
  if (found === undefined) throw notFound(plural, "metrics.k8s.io", name);
  return ok(shape(found));
}

function head(kind: string, object: KubeObject, nowMs: number): JsonObject {
  const namespace = namespaceOf(object);
  const metadata = {
    name: nameOf(object),
    ...(namespace !== undefined && { namespace }),
    creationTimestamp: isoSeconds(nowMs),
    labels: labelsOf(object),
  };
  return {
    kind,
    apiVersion: API_VERSION,
    metadata,
    timestamp: isoSeconds(Math.floor(nowMs / MINUTE_MS) * MINUTE_MS),
    window: "30s",
  };
}

/** From 30 to 50 per cent of what was asked for. */
function useOf(asked: number, seed: string, nowMs: number): number {
  return asked * (0.3 + pickNumber(`${seed}/${Math.floor(nowMs / MINUTE_MS)}`, 200) / 1_000);
}

type Use = { cores: number; bytes: number };

function containersUse(pod: KubeObject, nowMs: number): { name: string; use: Use }[] {
  return listAt(pod, "spec", "containers").map((container) => {
    const name = textAt(container, "name") ?? "";
    const seed = `${pod.metadata.uid}/${name}`;
    const asked = (resource: string, least: number): number =>
      quantityOf(at(container, "resources", "requests", resource)) || least;
    return {
      name,
      use: {
        cores: useOf(asked("cpu", 0.05), `${seed}/cpu`, nowMs),
        bytes: useOf(asked("memory", 64 * 2 ** 20), `${seed}/memory`, nowMs),
      },
    };
  });
}

function usage({ cores, bytes }: Use): JsonObject {
  return { cpu: `${Math.round(cores * 1e9)}n`, memory: `${Math.round(bytes / 1_024)}Ki` };
}

function podMetrics(pod: KubeObject, nowMs: number): JsonObject {
  return {
    ...head("PodMetrics", pod, nowMs),
    containers: containersUse(pod, nowMs).map(({ name, use }) => ({ name, usage: usage(use) })),
  };
}

function nodeMetrics(node: KubeObject, { store, kinds, now }: Cluster): JsonObject {
  const pods = store.list(kinds.named("Pod")).filter((pod) => textAt(pod, "spec", "nodeName") === nameOf(node));
  const uses = pods.flatMap((pod) => containersUse(pod, now())).map(({ use }) => use);
  const sum = (of: (use: Use) => number): number => uses.reduce((total, use) => total + of(use), 0);
  // What the kubelet and the system take themselves.
  return {
    ...head("NodeMetrics", node, now()),
    usage: usage({ cores: 0.15 + sum(({ cores }) => cores), bytes: 700 * 2 ** 20 + sum(({ bytes }) => bytes) }),
  };
}
