import type { Container, Pod } from "../pod-objects.ts";
import { listed, nameOf, refOf, type Finding } from "./finding.ts";
import { workloadOf } from "./relations.ts";
import type { Snapshot } from "./snapshot.ts";

/** Kubernetes' own: their agents need such rights, so they are told of and not warned about. */
const SYSTEM_NAMESPACES = new Set(["kube-system", "kube-public", "kube-node-lease"]);

/** Rights over the node, as the Pod Security Standards' baseline forbids them. */
const CAPABILITIES = new Set([
  "ALL",
  "SYS_ADMIN",
  "SYS_MODULE",
  "SYS_PTRACE",
  "SYS_RAWIO",
  "NET_ADMIN",
  "BPF",
  "DAC_READ_SEARCH",
]);

/** Parts of a node whose mount is as good as root on it. */
const NODE_PATHS =
  /^\/$|^\/(?:etc|root|proc|sys|boot|dev)(?:\/|$)|docker\.sock|containerd\.sock|crio\.sock|^\/var\/lib\/kubelet/;

/** Pods that can take over their node. */
export function findPrivileged(snapshot: Snapshot): Finding[] {
  return snapshot.pods.flatMap((pod) => {
    const rights = rightsOf(pod);
    if (rights.length === 0) return [];
    const isSystem = SYSTEM_NAMESPACES.has(pod.metadata.namespace ?? "");
    return [
      {
        severity: isSystem ? "info" : "warning",
        object: refOf("Pod", pod.metadata),
        evidence: listed(rights, 5),
        suggestion: isSystem
          ? "usual for the cluster's own agents"
          : "take away what it does not need, and enforce the baseline of the Pod Security Standards by a label on the namespace",
        alike: nameOf(workloadOf(pod, snapshot)),
      },
    ];
  });
}

function rightsOf({ spec }: Pod): string[] {
  const shared = [
    ...(spec.hostNetwork === true ? ["hostNetwork"] : []),
    ...(spec.hostPID === true ? ["hostPID"] : []),
    ...(spec.hostIPC === true ? ["hostIPC"] : []),
  ];
  const mounts = (spec.volumes ?? []).flatMap(({ hostPath }) =>
    hostPath !== undefined && NODE_PATHS.test(hostPath.path) ? [`mounts ${hostPath.path} of its node`] : [],
  );
  return [...[...spec.containers, ...(spec.initContainers ?? [])].flatMap(containerRights), ...shared, ...mounts];
}

function containerRights({ name, securityContext }: Container): string[] {
  const added = (securityContext?.capabilities?.add ?? []).map((one) => one.replace(/^CAP_/, ""));
  const strong = added.filter((capability) => CAPABILITIES.has(capability));
  return [
    ...(securityContext?.privileged === true ? [`container ${name} is privileged`] : []),
    ...(strong.length === 0 ? [] : [`container ${name} has ${strong.join(", ")}`]),
  ];
}
