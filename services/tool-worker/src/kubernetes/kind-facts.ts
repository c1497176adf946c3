import type { V1ContainerStatus, V1LabelSelector, V1ObjectMeta, V1PodSpec } from "@kubernetes/client-node";
import type { Cluster, RequestOptions } from "./cluster.ts";
import { summarise } from "./pod-status.ts";

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: Date;
}

/** What a description is made of, the same for all kinds. Values of Secrets and ConfigMaps never get into it. */
export interface KindFacts {
  readonly metadata: V1ObjectMeta | undefined;
  /** Name and value; empty values are not shown. */
  readonly facts: readonly (readonly [name: string, value: string | number | undefined])[];
  readonly conditions?: readonly Condition[] | undefined;
  /** The pod itself, or the template of its pods. */
  readonly pod?: V1PodSpec | undefined;
  readonly containers?: readonly V1ContainerStatus[] | undefined;
}

export interface Kind {
  readonly kind: string;
  readonly aliases: readonly string[];
  readonly isNamespaced: boolean;
  read(cluster: Cluster, at: { name: string; namespace: string }, options: RequestOptions): Promise<KindFacts>;
}

const pod: Kind = {
  kind: "Pod",
  aliases: ["pods", "po"],
  isNamespaced: true,
  async read({ core }, at, options) {
    const object = await core.readNamespacedPod(at, options);
    const { status, ready, containers, restarts } = summarise(object);
    return {
      metadata: object.metadata,
      facts: [
        ["Status", status],
        ["Ready", `${ready} of ${containers} containers`],
        ["Restarts", restarts],
        ["Node", object.spec?.nodeName ?? "not on a node"],
        ["IP", object.status?.podIP],
        ["QoS class", object.status?.qosClass],
        ["Service account", object.spec?.serviceAccountName],
        ["Message", object.status?.message],
      ],
      conditions: object.status?.conditions,
      pod: object.spec,
      containers: [...(object.status?.initContainerStatuses ?? []), ...(object.status?.containerStatuses ?? [])],
    };
  },
};

const deployment: Kind = {
  kind: "Deployment",
  aliases: ["deployments", "deploy"],
  isNamespaced: true,
  async read({ apps }, at, options) {
    const { metadata, spec, status } = await apps.readNamespacedDeployment(at, options);
    const counts = toCounts([
      [spec?.replicas ?? 1, "wanted"],
      [status?.replicas, "there"],
      [status?.updatedReplicas, "up to date"],
      [status?.readyReplicas, "ready"],
      [status?.availableReplicas, "available"],
    ]);
    const facts = [
      ["Replicas", counts] as const,
      ["Strategy", spec?.strategy?.type] as const,
      selectorFact(spec?.selector),
    ];
    return { metadata, facts, conditions: status?.conditions, pod: spec?.template.spec };
  },
};

const replicaSet: Kind = {
  kind: "ReplicaSet",
  aliases: ["replicasets", "rs"],
  isNamespaced: true,
  async read({ apps }, at, options) {
    const { metadata, spec, status } = await apps.readNamespacedReplicaSet(at, options);
    const counts = toCounts([
      [spec?.replicas ?? 1, "wanted"],
      [status?.replicas, "there"],
      [status?.readyReplicas, "ready"],
    ]);
    const facts = [["Replicas", counts] as const, selectorFact(spec?.selector)];
    return { metadata, facts, conditions: status?.conditions, pod: spec?.template?.spec };
  },
};

const statefulSet: Kind = {
  kind: "StatefulSet",
  aliases: ["statefulsets", "sts"],
  isNamespaced: true,
  async read({ apps }, at, options) {
    const { metadata, spec, status } = await apps.readNamespacedStatefulSet(at, options);
    const counts = toCounts([
      [spec?.replicas ?? 1, "wanted"],
      [status?.replicas, "there"],
      [status?.readyReplicas, "ready"],
    ]);
    const facts = [
      ["Replicas", counts] as const,
      ["Service", spec?.serviceName] as const,
      selectorFact(spec?.selector),
    ];
    return { metadata, facts, conditions: status?.conditions, pod: spec?.template.spec };
  },
};

const daemonSet: Kind = {
  kind: "DaemonSet",
  aliases: ["daemonsets", "ds"],
  isNamespaced: true,
  async read({ apps }, at, options) {
    const { metadata, spec, status } = await apps.readNamespacedDaemonSet(at, options);
    const counts = toCounts([
      [status?.desiredNumberScheduled, "wanted"],
      [status?.currentNumberScheduled, "there"],
      [status?.numberReady, "ready"],
    ]);
    const facts = [["Pods", counts] as const, selectorFact(spec?.selector)];
    return { metadata, facts, conditions: status?.conditions, pod: spec?.template.spec };
  },
};

const job: Kind = {
  kind: "Job",
  aliases: ["jobs"],
  isNamespaced: true,
  async read({ batch }, at, options) {
    const { metadata, spec, status } = await batch.readNamespacedJob(at, options);
    const counts = toCounts([
      [status?.active, "active"],
      [status?.succeeded, "succeeded"],
      [status?.failed, "failed"],
    ]);
    const facts = [["Pods", counts] as const, ["Completions", spec?.completions] as const];
    return { metadata, facts, conditions: status?.conditions, pod: spec?.template.spec };
  },
};

const cronJob: Kind = {
  kind: "CronJob",
  aliases: ["cronjobs", "cj"],
  isNamespaced: true,
  async read({ batch }, at, options) {
    const { metadata, spec, status } = await batch.readNamespacedCronJob(at, options);
    const facts = [
      ["Schedule", spec?.schedule] as const,
      ["Suspended", spec?.suspend === true ? "yes" : "no"] as const,
      ["Active jobs", status?.active?.length ?? 0] as const,
      ["Last scheduled", status?.lastScheduleTime?.toISOString()] as const,
    ];
    return { metadata, facts, pod: spec?.jobTemplate.spec?.template.spec };
  },
};

const service: Kind = {
  kind: "Service",
  aliases: ["services", "svc"],
  isNamespaced: true,
  async read({ core }, at, options) {
    const { metadata, spec } = await core.readNamespacedService(at, options);
    const ports = spec?.ports?.map(
      ({ port, targetPort, protocol = "TCP" }) => `${port} to ${targetPort ?? port}/${protocol}`,
    );
    const facts = [
      ["Type", spec?.type] as const,
      ["Cluster IP", spec?.clusterIP] as const,
      ["Ports", ports?.join(", ")] as const,
      ["Selector", toPairs(spec?.selector)] as const,
    ];
    return { metadata, facts };
  },
};

const configMap: Kind = {
  kind: "ConfigMap",
  aliases: ["configmaps", "cm"],
  isNamespaced: true,
  async read({ core }, at, options) {
    const { metadata, data, binaryData } = await core.readNamespacedConfigMap(at, options);
    // Keys only: people keep passwords in ConfigMaps too.
    const keys = [...Object.keys(data ?? {}), ...Object.keys(binaryData ?? {})];
    return { metadata, facts: [["Keys (values are not shown)", keys.join(", ")]] };
  },
};

const node: Kind = {
  kind: "Node",
  aliases: ["nodes", "no"],
  isNamespaced: false,
  async read({ core }, { name }, options) {
    const { metadata, spec, status } = await core.readNode({ name }, options);
    const taints = spec?.taints?.map(
      ({ key, value, effect }) => `${key}${value === undefined ? "" : `=${value}`}:${effect}`,
    );
    const facts = [
      ["Kubelet", status?.nodeInfo?.kubeletVersion] as const,
      ["Unschedulable", spec?.unschedulable === true ? "yes" : "no"] as const,
      ["Taints", taints?.join(", ")] as const,
      ["Capacity", toPairs(status?.capacity)] as const,
      ["Allocatable", toPairs(status?.allocatable)] as const,
    ];
    return { metadata, facts, conditions: status?.conditions };
  },
};

const namespace: Kind = {
  kind: "Namespace",
  aliases: ["namespaces", "ns"],
  isNamespaced: false,
  async read({ core }, { name }, options) {
    const { metadata, status } = await core.readNamespace({ name }, options);
    return { metadata, facts: [["Status", status?.phase]], conditions: status?.conditions };
  },
};

export const kinds: readonly Kind[] = [
  ...[pod, deployment, replicaSet, statefulSet, daemonSet],
  ...[job, cronJob, service, configMap, node, namespace],
];

/** By name as kubectl takes it: any case, plural or short. */
export function findKind(name: string): Kind | undefined {
  const wanted = name.toLowerCase();
  return kinds.find(({ kind, aliases }) => kind.toLowerCase() === wanted || aliases.includes(wanted));
}

function selectorFact(selector: V1LabelSelector | undefined): readonly [string, string | undefined] {
  return ["Selector", toPairs(selector?.matchLabels)];
}

/** A count that the server leaves out is 0. */
function toCounts(counts: readonly (readonly [count: number | undefined, what: string])[]): string {
  return counts.map(([count = 0, what]) => `${count} ${what}`).join(", ");
}

export function toPairs(values: Readonly<Record<string, string>> | undefined): string | undefined {
  if (values === undefined) return undefined;
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}
