import { type ClusterView, metadataOf, type Owner, type PodRecord, replicaSetName, templateHash } from "./cluster.ts";
import { isoSeconds, SECOND_MS } from "./durations.ts";
import { pickUid } from "./fixed-random.ts";
import type { OwnerReference } from "./kube-types.ts";
import { isReady, type PodState, podStateAt, type Run } from "./pod-state.ts";
import { type ContainerSpec, NODES } from "./workloads.ts";

export type Pod = ReturnType<typeof podObject>;

export const CRASH_EXIT_CODE = 1;
export const UNSCHEDULABLE_MESSAGE = `0/${NODES.length} nodes are available: ${NODES.length} Insufficient cpu.`;

export function podObjects(view: ClusterView) {
  return view.pods.map((pod) => podObject(pod, view));
}

export function podObject(pod: PodRecord, view: ClusterView) {
  const { owner } = pod;
  const { workload } = owner;
  const state = podStateAt(pod, view.nowMs);
  const identity = {
    name: pod.name,
    namespace: workload.namespace,
    uid: pod.uid,
    createdMs: pod.bornMs,
    changedMs: state.sinceMs,
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadataOf(view, identity),
      generateName: pod.name.slice(0, -5),
      labels: podLabels(owner),
      ...(Object.keys(owner.templateAnnotations).length > 0 && { annotations: { ...owner.templateAnnotations } }),
      ownerReferences: [podOwner(owner)],
    },
    spec: {
      containers: containerSpecs(owner),
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      serviceAccountName: "default",
      ...(pod.node !== undefined && { nodeName: pod.node }),
      schedulerName: "default-scheduler",
      priority: 0,
      enableServiceLinks: true,
      tolerations: [
        { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
      ],
    },
    status: podStatus(pod, state),
  };
}

export function podLabels(owner: Owner): Record<string, string> {
  const { workload } = owner;
  const revision = workload.kind === "DaemonSet" ? "controller-revision-hash" : "pod-template-hash";
  return { app: workload.name, "app.kubernetes.io/part-of": workload.namespace, [revision]: templateHash(owner) };
}

function podOwner(owner: Owner): OwnerReference {
  const { workload, uid } = owner;
  const flags = { controller: true, blockOwnerDeletion: true } as const;
  if (workload.kind === "DaemonSet")
    return { apiVersion: "apps/v1", kind: "DaemonSet", name: workload.name, uid, ...flags };
  const name = replicaSetName(owner);
  return { apiVersion: "apps/v1", kind: "ReplicaSet", name, uid: pickUid(`${workload.namespace}/${name}`), ...flags };
}

/** The containers as a pod template has them. */
export function containerSpecs(owner: Owner) {
  return owner.workload.containers.map((container) => ({
    name: container.name,
    image: imageOf(owner, container),
    ...(container.port !== undefined && { ports: [{ containerPort: container.port, protocol: "TCP" }] }),
    ...(container.env !== undefined && {
      env: Object.entries(container.env).map(([name, value]) => ({ name, value })),
    }),
    resources: { requests: { cpu: container.cpu, memory: container.memory }, limits: { memory: container.memory } },
    imagePullPolicy: "IfNotPresent",
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
  }));
}

function imageOf(owner: Owner, container: ContainerSpec): string {
  return owner.images[container.name] ?? container.image;
}

type PodStatus = {
  phase: "Pending" | "Running";
  conditions: ReturnType<typeof condition>[];
  hostIP?: string;
  podIP?: string;
  podIPs?: { ip: string }[];
  startTime?: string;
  containerStatuses?: ReturnType<typeof containerStatus>[];
  qosClass: "Burstable";
};

function podStatus(pod: PodRecord, state: PodState): PodStatus {
  if (state.kind === "unscheduled") {
    const unschedulable = { reason: "Unschedulable", message: UNSCHEDULABLE_MESSAGE };
    return {
      phase: "Pending",
      conditions: [condition("PodScheduled", false, state.sinceMs, unschedulable)],
      qosClass: "Burstable",
    };
  }
  const ready = isReady(state);
  const names = pod.owner.workload.containers.map(({ name }) => name).join(" ");
  const unready = { reason: "ContainersNotReady", message: `containers with unready status: [${names}]` };
  return {
    phase: state.kind === "starting" ? "Pending" : "Running",
    conditions: [
      condition("Initialized", true, pod.bornMs),
      condition("Ready", ready, state.sinceMs, unready),
      condition("ContainersReady", ready, state.sinceMs, unready),
      condition("PodScheduled", true, pod.bornMs),
    ],
    hostIP: nodeAddress(pod.node),
    ...(state.kind !== "starting" && { podIP: pod.ip, podIPs: [{ ip: pod.ip }] }),
    startTime: isoSeconds(pod.bornMs),
    containerStatuses: pod.owner.workload.containers.map((container) => containerStatus(pod, container, state)),
    qosClass: "Burstable",
  };
}

function condition(type: string, holds: boolean, sinceMs: number, why: { reason?: string; message?: string } = {}) {
  const lastTransitionTime = isoSeconds(sinceMs);
  return { type, status: holds ? "True" : "False", lastProbeTime: null, lastTransitionTime, ...(holds ? {} : why) };
}

type ContainerState = {
  running?: { startedAt: string };
  waiting?: { reason: string; message?: string };
  terminated?: { exitCode: number; reason: string; startedAt: string; finishedAt: string; containerID: string };
};

function containerStatus(pod: PodRecord, container: ContainerSpec, state: PodState) {
  const image = imageOf(pod.owner, container);
  const crash = state.kind === "crashing" ? state : undefined;
  const lastState: ContainerState = crash?.lastRun === undefined ? {} : { terminated: terminated(pod, crash.lastRun) };
  return {
    name: container.name,
    state: currentState(pod, container, state),
    lastState,
    ready: isReady(state),
    restartCount: crash?.restarts ?? 0,
    image,
    imageID: `simulated://${pickUid(image)}`,
    containerID: `simulated://${pickUid(`${pod.uid}/${container.name}/${crash?.restarts ?? 0}`)}`,
    started: isReady(state),
  };
}

function currentState(pod: PodRecord, container: ContainerSpec, state: PodState): ContainerState {
  if (state.kind === "serving") return { running: { startedAt: isoSeconds(state.sinceMs) } };
  if (state.kind !== "crashing") return { waiting: { reason: "ContainerCreating" } };
  if (state.running) return { running: { startedAt: isoSeconds(state.sinceMs) } };
  const wait = `back-off ${backoffText(state.backoffMs)} restarting failed container=${container.name}`;
  const message = `${wait} pod=${pod.name}_${pod.owner.workload.namespace}(${pod.uid})`;
  return { waiting: { reason: "CrashLoopBackOff", message } };
}

function backoffText(ms: number): string {
  const seconds = ms / SECOND_MS;
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

function terminated(pod: PodRecord, run: Run) {
  const containerID = `simulated://${pickUid(`${pod.uid}/${run.startedMs}`)}`;
  return {
    exitCode: CRASH_EXIT_CODE,
    reason: "Error",
    startedAt: isoSeconds(run.startedMs),
    finishedAt: isoSeconds(run.finishedMs),
    containerID,
  };
}

export function nodeAddress(node: string | undefined): string {
  return `10.10.0.${11 + NODES.findIndex((name) => name === node)}`;
}
