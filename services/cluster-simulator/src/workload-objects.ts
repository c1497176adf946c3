import { type ClusterView, metadataOf, type Owner, replicaSetName, templateHash } from "./cluster.ts";
import { isoSeconds } from "./durations.ts";
import type { OwnerReference } from "./kube-types.ts";
import { containerSpecs, podLabels } from "./pod-objects.ts";
import { isReady, podStateAt } from "./pod-state.ts";

export type Deployment = ReturnType<typeof deploymentObject>;

export function deploymentObjects(view: ClusterView) {
  return ownersOf(view, "Deployment").map((owner) => deploymentObject(owner, view));
}

export function replicaSetObjects(view: ClusterView) {
  return ownersOf(view, "Deployment").map((owner) => replicaSetObject(owner, view));
}

export function daemonSetObjects(view: ClusterView) {
  return ownersOf(view, "DaemonSet").map((owner) => daemonSetObject(owner, view));
}

function ownersOf(view: ClusterView, kind: Owner["workload"]["kind"]): Owner[] {
  return view.owners.filter((owner) => owner.workload.kind === kind);
}

export function deploymentObject(owner: Owner, view: ClusterView) {
  const { replicas } = owner;
  const { ready, changedMs } = readiness(owner, view);
  const available = ready === replicas;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      ...workloadMetadata(owner, view, changedMs),
      annotations: { "deployment.kubernetes.io/revision": String(owner.revision) },
    },
    spec: {
      replicas,
      selector: { matchLabels: { app: owner.workload.name } },
      template: podTemplate(owner),
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    },
    status: {
      observedGeneration: owner.generation,
      replicas,
      updatedReplicas: replicas,
      ...(ready > 0 && { readyReplicas: ready, availableReplicas: ready }),
      ...(ready < replicas && { unavailableReplicas: replicas - ready }),
      conditions: [
        {
          type: "Available",
          status: available ? "True" : "False",
          reason: available ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
          message: available
            ? "Deployment has minimum availability."
            : "Deployment does not have minimum availability.",
          lastUpdateTime: isoSeconds(changedMs),
          lastTransitionTime: isoSeconds(changedMs),
        },
      ],
    },
  };
}

function replicaSetObject(owner: Owner, view: ClusterView) {
  const { replicas, workload } = owner;
  const { ready, changedMs } = readiness(owner, view);
  const identity = {
    name: replicaSetName(owner),
    namespace: workload.namespace,
    createdMs: owner.revisionCreatedMs,
    changedMs,
  };
  const owned: OwnerReference = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    name: workload.name,
    uid: owner.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      ...metadataOf(view, identity),
      generation: 1,
      labels: podLabels(owner),
      annotations: { "deployment.kubernetes.io/revision": String(owner.revision) },
      ownerReferences: [owned],
    },
    spec: {
      replicas,
      selector: { matchLabels: { app: workload.name, "pod-template-hash": templateHash(owner) } },
      template: podTemplate(owner),
    },
    status: { replicas, observedGeneration: 1, ...(ready > 0 && { readyReplicas: ready, availableReplicas: ready }) },
  };
}

function daemonSetObject(owner: Owner, view: ClusterView) {
  const { ready, changedMs } = readiness(owner, view);
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: workloadMetadata(owner, view, changedMs),
    spec: {
      selector: { matchLabels: { app: owner.workload.name } },
      template: podTemplate(owner),
      updateStrategy: { type: "RollingUpdate" },
    },
    status: {
      desiredNumberScheduled: owner.replicas,
      currentNumberScheduled: owner.replicas,
      numberReady: ready,
      updatedNumberScheduled: owner.replicas,
      numberAvailable: ready,
      numberMisscheduled: 0,
      observedGeneration: owner.generation,
    },
  };
}

function workloadMetadata(owner: Owner, view: ClusterView, changedMs: number) {
  const { workload, uid, createdMs, generation } = owner;
  const identity = { name: workload.name, namespace: workload.namespace, uid, createdMs, changedMs };
  const labels: Record<string, string> = { app: workload.name, "app.kubernetes.io/part-of": workload.namespace };
  return { ...metadataOf(view, identity), generation, labels };
}

function podTemplate(owner: Owner) {
  return {
    metadata: { labels: { app: owner.workload.name }, annotations: { ...owner.templateAnnotations } },
    spec: { containers: containerSpecs(owner), restartPolicy: "Always", serviceAccountName: "default" },
  };
}

/** How many pods are ready, and when that or the workload itself last changed. */
function readiness(owner: Owner, view: ClusterView): { ready: number; changedMs: number } {
  const states = view.pods.filter((pod) => pod.owner.uid === owner.uid).map((pod) => podStateAt(pod, view.nowMs));
  return {
    ready: states.filter(isReady).length,
    changedMs: Math.max(owner.changedMs, ...states.map((state) => state.sinceMs)),
  };
}
