import { APPS, type Case, CORE, create, deployment } from "../case.ts";

const DEPLOYMENTS = `${APPS}/deployments`;
const DEPLOYMENT = `${DEPLOYMENTS}/{name}`;
const PODS = `${CORE}/pods?labelSelector=app%3D{name}`;
const patch = (body: unknown) => ({ as: "operator", method: "PATCH", path: DEPLOYMENT, body, status: 200 }) as const;
const soon = { withinMs: 20_000 };
const image = (text: string) => ({ spec: { template: { spec: { containers: [{ name: "web", image: text }] } } } });

export const controllerCases: readonly Case[] = [
  {
    name: "a deployment makes a ReplicaSet, and that makes pods",
    needs: "controllers",
    steps: [
      create(DEPLOYMENTS, deployment({ replicas: 2 })),
      {
        path: `${APPS}/replicasets?labelSelector=app%3D{name}`,
        status: 200,
        has: {
          items: [
            {
              metadata: {
                annotations: { "deployment.kubernetes.io/revision": "1" },
                ownerReferences: [{ kind: "Deployment", name: "{name}", controller: true }],
              },
            },
          ],
        },
        ...soon,
      },
      {
        path: PODS,
        status: 200,
        has: { items: [{ metadata: { ownerReferences: [{ kind: "ReplicaSet" }] } }, {}] },
        ...soon,
      },
    ],
  },
  {
    name: "the pods of a deployment become ready",
    needs: "kubelet",
    steps: [
      create(DEPLOYMENTS, deployment({ replicas: 2 })),
      {
        path: DEPLOYMENT,
        status: 200,
        has: { status: { replicas: 2, readyReplicas: 2, updatedReplicas: 2, observedGeneration: 1 } },
        ...soon,
      },
    ],
  },
  {
    name: "a new image is a new revision whose pods take the place of the old ones",
    needs: "kubelet",
    steps: [
      create(DEPLOYMENTS, deployment()),
      { path: DEPLOYMENT, status: 200, has: { status: { readyReplicas: 1 } }, ...soon },
      patch(image("registry.simulated/web:2")),
      {
        path: DEPLOYMENT,
        status: 200,
        has: {
          metadata: { annotations: { "deployment.kubernetes.io/revision": "2" } },
          status: { replicas: 1, updatedReplicas: 1, readyReplicas: 1, observedGeneration: 2 },
        },
        ...soon,
      },
      {
        path: PODS,
        status: 200,
        has: { items: [{ spec: { containers: [{ image: "registry.simulated/web:2" }] } }] },
        ...soon,
      },
    ],
  },
  {
    name: "going back to an older template makes its ReplicaSet the newest revision",
    needs: "kubelet",
    steps: [
      create(DEPLOYMENTS, deployment()),
      { path: DEPLOYMENT, status: 200, has: { status: { readyReplicas: 1 } }, ...soon },
      patch(image("registry.simulated/web:2")),
      {
        path: DEPLOYMENT,
        status: 200,
        has: { metadata: { annotations: { "deployment.kubernetes.io/revision": "2" } } },
        ...soon,
      },
      patch(image("registry.simulated/web:1")),
      {
        path: DEPLOYMENT,
        status: 200,
        has: { metadata: { annotations: { "deployment.kubernetes.io/revision": "3" } } },
        ...soon,
      },
      { path: `${APPS}/replicasets?labelSelector=app%3D{name}`, status: 200, has: { items: [{}, {}] } },
    ],
  },
  {
    name: "an image that is not there keeps the old pods serving",
    needs: "kubelet",
    steps: [
      create(DEPLOYMENTS, deployment()),
      { path: DEPLOYMENT, status: 200, has: { status: { readyReplicas: 1 } }, ...soon },
      patch(image("registry.simulated/web:nosuch")),
      {
        path: DEPLOYMENT,
        status: 200,
        has: { status: { replicas: 2, updatedReplicas: 1, readyReplicas: 1 } },
        ...soon,
      },
    ],
  },
  {
    name: "a log can be read",
    needs: "kubelet",
    steps: [
      create(`${CORE}/pods`, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "{name}" },
        spec: { containers: [{ name: "web", image: "registry.simulated/web:1" }] },
      }),
      { path: `${CORE}/pods/{name}`, status: 200, has: { status: { phase: "Running" } }, ...soon },
      { path: `${CORE}/pods/{name}/log?tailLines=1`, status: 200, ...soon },
    ],
  },
  {
    name: "what pods use is measured",
    needs: "metrics",
    steps: [{ path: "/apis/metrics.k8s.io/v1beta1/pods", status: 200, has: { kind: "PodMetricsList" } }],
  },
  {
    name: "a job runs to its end",
    needs: "kubelet",
    steps: [
      create("/apis/batch/v1/namespaces/{ns}/jobs", {
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name: "{name}" },
        spec: {
          template: {
            spec: { restartPolicy: "Never", containers: [{ name: "work", image: "registry.simulated/job:1" }] },
          },
        },
      }),
      { path: "/apis/batch/v1/namespaces/{ns}/jobs/{name}", status: 200, has: { status: { succeeded: 1 } }, ...soon },
    ],
  },
  {
    name: "a pod that a budget needs is not evicted",
    needs: "kubelet",
    steps: [
      create("/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets", {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: { name: "{name}" },
        spec: { minAvailable: 1, selector: { matchLabels: { app: "{name}" } } },
      }),
      create(`${CORE}/pods`, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "{name}", labels: { app: "{name}" } },
        spec: { containers: [{ name: "web", image: "registry.simulated/web:1" }] },
      }),
      { path: `${CORE}/pods/{name}`, status: 200, has: { status: { phase: "Running" } }, ...soon },
      {
        as: "operator",
        method: "POST",
        path: `${CORE}/pods/{name}/eviction`,
        body: { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "{name}", namespace: "{ns}" } },
        status: 429,
        has: { reason: "TooManyRequests", message: "~disruption budget" },
      },
    ],
  },
];
