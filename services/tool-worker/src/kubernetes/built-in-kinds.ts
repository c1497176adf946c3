import type { ResourceKind } from "./kube-api.ts";

type Row = readonly [group: string, version: string, kind: string, plural: string, shortNames: string];

/** Kinds that every cluster has, for the names under which people know them and for the time in which a group cannot be discovered. */
const namespaced: readonly Row[] = [
  ["", "v1", "Pod", "pods", "po"],
  ["", "v1", "Service", "services", "svc"],
  ["", "v1", "ConfigMap", "configmaps", "cm"],
  ["", "v1", "Secret", "secrets", ""],
  ["", "v1", "Event", "events", "ev"],
  ["", "v1", "Endpoints", "endpoints", "ep"],
  ["", "v1", "ServiceAccount", "serviceaccounts", "sa"],
  ["", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc"],
  ["", "v1", "ReplicationController", "replicationcontrollers", "rc"],
  ["", "v1", "ResourceQuota", "resourcequotas", "quota"],
  ["", "v1", "LimitRange", "limitranges", "limits"],
  ["apps", "v1", "Deployment", "deployments", "deploy"],
  ["apps", "v1", "ReplicaSet", "replicasets", "rs"],
  ["apps", "v1", "StatefulSet", "statefulsets", "sts"],
  ["apps", "v1", "DaemonSet", "daemonsets", "ds"],
  ["batch", "v1", "Job", "jobs", ""],
  ["batch", "v1", "CronJob", "cronjobs", "cj"],
  ["autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa"],
  ["networking.k8s.io", "v1", "Ingress", "ingresses", "ing"],
  ["networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "netpol"],
  ["policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb"],
  ["rbac.authorization.k8s.io", "v1", "Role", "roles", ""],
  ["rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", ""],
  ["discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", ""],
];

const ofTheCluster: readonly Row[] = [
  ["", "v1", "Namespace", "namespaces", "ns"],
  ["", "v1", "Node", "nodes", "no"],
  ["", "v1", "PersistentVolume", "persistentvolumes", "pv"],
  ["networking.k8s.io", "v1", "IngressClass", "ingressclasses", ""],
  ["storage.k8s.io", "v1", "StorageClass", "storageclasses", "sc"],
  ["rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", ""],
  ["rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", ""],
  ["scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "pc"],
  ["apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", "crd crds"],
];

const verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];

function kindOf([group, version, kind, plural, shortNames]: Row, isNamespaced: boolean): ResourceKind {
  const names = { group, version, kind, plural, singular: kind.toLowerCase() };
  return { ...names, shortNames: shortNames.split(" ").filter(Boolean), isNamespaced, verbs };
}

export const builtInKinds: readonly ResourceKind[] = [
  ...namespaced.map((row) => kindOf(row, true)),
  ...ofTheCluster.map((row) => kindOf(row, false)),
];

/** A kind that every cluster has, without asking it. Throws for a name that is not in the table: a mistake in the program. */
export function builtInKind(kind: string): ResourceKind {
  const found = builtInKinds.find((one) => one.kind === kind);
  if (found === undefined) throw new Error(`There is no built-in kind ${kind}.`);
  return found;
}
