import { type ClusterView, metadataOf } from "./cluster.ts";
import { DAY_MS, isoSeconds, MINUTE_MS } from "./durations.ts";
import { pickUid } from "./fixed-random.ts";
import { nodeAddress } from "./pod-objects.ts";
import { NAMESPACES, NODES } from "./workloads.ts";

export type Node = ReturnType<typeof nodeObject>;

export const CLUSTER_AGE_MS = 9 * DAY_MS + 40 * MINUTE_MS;
export const KUBELET_VERSION = "v1.32.0-simulated";

const CONDITIONS = [
  ["MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
  ["DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
  ["PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"],
  ["Ready", "True", "KubeletReady", "kubelet is posting ready status"],
] as const;

export function nodeObjects(view: ClusterView) {
  return NODES.map((name, index) => nodeObject(name, index === 0, view));
}

function nodeObject(name: string, isControlPlane: boolean, view: ClusterView) {
  const createdMs = view.startedMs - CLUSTER_AGE_MS;
  // The kubelet reports every minute, and each report is a new version.
  const reportedMs = Math.floor(view.nowMs / MINUTE_MS) * MINUTE_MS;
  const size = { cpu: "4", memory: "8148532Ki", pods: "110", "ephemeral-storage": "51175Mi" };
  const labels: Record<string, string> = {
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": "amd64",
    "parley.dev/simulated": "true",
    ...(isControlPlane && { "node-role.kubernetes.io/control-plane": "" }),
  };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { ...metadataOf(view, { name, createdMs, changedMs: Math.max(createdMs, reportedMs) }), labels },
    spec: { podCIDR: `10.244.${NODES.findIndex((node) => node === name)}.0/24` },
    status: {
      capacity: size,
      allocatable: size,
      conditions: CONDITIONS.map(([type, status, reason, message]) => ({
        type,
        status,
        reason,
        message,
        lastHeartbeatTime: isoSeconds(reportedMs),
        lastTransitionTime: isoSeconds(createdMs),
      })),
      addresses: [
        { type: "InternalIP", address: nodeAddress(name) },
        { type: "Hostname", address: name },
      ],
      nodeInfo: {
        machineID: pickUid(name),
        systemUUID: pickUid(name),
        bootID: pickUid(`${name}/boot`),
        kernelVersion: "6.1.0-simulated",
        osImage: "Simulated Linux",
        containerRuntimeVersion: "simulated://1.0.0",
        kubeletVersion: KUBELET_VERSION,
        kubeProxyVersion: KUBELET_VERSION,
        operatingSystem: "linux",
        architecture: "amd64",
      },
    },
  };
}

export function namespaceObjects(view: ClusterView) {
  return NAMESPACES.map((name) => namespaceObject(name, view));
}

function namespaceObject(name: string, view: ClusterView) {
  const labels: Record<string, string> = { "kubernetes.io/metadata.name": name };
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { ...metadataOf(view, { name, createdMs: view.startedMs - CLUSTER_AGE_MS }), labels },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  };
}
