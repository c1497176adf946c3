import { APPS, type Case, configMap, CORE, create, deployment } from "../case.ts";

const MAP = `${CORE}/configmaps/{name}`;
const DEPLOYMENTS = `${APPS}/deployments`;
const DEPLOYMENT = `${DEPLOYMENTS}/{name}`;
const change = { as: "operator", method: "PATCH", status: 200 } as const;

export const scaleCases: readonly Case[] = [
  {
    name: "the scale is how many are wanted",
    steps: [
      create(DEPLOYMENTS, deployment({ paused: true })),
      {
        path: `${DEPLOYMENT}/scale`,
        status: 200,
        has: {
          kind: "Scale",
          apiVersion: "autoscaling/v1",
          metadata: { name: "{name}" },
          spec: { replicas: 1 },
          status: { selector: "app={name}" },
        },
      },
    ],
  },
  {
    name: "a new scale is in the object",
    steps: [
      create(DEPLOYMENTS, deployment({ paused: true }), { keep: { version: "metadata.resourceVersion" } }),
      {
        ...change,
        path: `${DEPLOYMENT}/scale`,
        body: { spec: { replicas: 3 } },
        has: { kind: "Scale", spec: { replicas: 3 } },
      },
      { path: DEPLOYMENT, status: 200, has: { spec: { replicas: 3 }, metadata: { generation: 2 } } },
    ],
  },
  {
    name: "a scale of an older version is a Conflict",
    steps: [
      create(DEPLOYMENTS, deployment({ paused: true }), { keep: { version: "metadata.resourceVersion" } }),
      { ...change, path: DEPLOYMENT, body: { metadata: { labels: { b: "1" } } } },
      {
        ...change,
        method: "PUT",
        path: `${DEPLOYMENT}/scale`,
        body: {
          apiVersion: "autoscaling/v1",
          kind: "Scale",
          metadata: { name: "{name}", namespace: "{ns}", resourceVersion: "{version}" },
          spec: { replicas: 3 },
        },
        status: 409,
        has: { reason: "Conflict" },
      },
    ],
  },
  {
    name: "a scale below none is refused",
    steps: [
      create(DEPLOYMENTS, deployment({ paused: true })),
      {
        ...change,
        path: `${DEPLOYMENT}/scale`,
        body: { spec: { replicas: -1 } },
        status: 422,
        has: { reason: "Invalid", details: { causes: [{ field: "spec.replicas" }] } },
      },
    ],
  },
  {
    name: "a dry run of a scale scales nothing",
    steps: [
      create(DEPLOYMENTS, deployment({ paused: true })),
      {
        ...change,
        path: `${DEPLOYMENT}/scale?dryRun=All`,
        body: { spec: { replicas: 5 } },
        has: { spec: { replicas: 5 } },
      },
      { path: DEPLOYMENT, status: 200, has: { spec: { replicas: 1 } } },
    ],
  },
  {
    name: "StatefulSets and ReplicaSets have a scale, too",
    steps: [
      create(`${APPS}/statefulsets`, { ...deployment({ serviceName: "x", replicas: 0 }), kind: "StatefulSet" }),
      {
        ...change,
        path: `${APPS}/statefulsets/{name}/scale`,
        body: { spec: { replicas: 2 } },
        has: { spec: { replicas: 2 } },
      },
    ],
  },
  {
    name: "what cannot be is not allowed as a method",
    steps: [
      {
        as: "operator",
        method: "POST",
        path: MAP,
        body: configMap({}),
        status: 405,
        has: { reason: "MethodNotAllowed" },
      },
    ],
  },
];
