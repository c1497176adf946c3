import { APPS, type Case, configMap, CORE, create, deployment, JSON_PATCH, MERGE, STRATEGIC } from "../case.ts";

const MAPS = `${CORE}/configmaps`;
const MAP = `${MAPS}/{name}`;
const DEPLOYMENTS = `${APPS}/deployments`;
const DEPLOYMENT = `${DEPLOYMENTS}/{name}`;
const OTHER = "3f1c3a3c-0000-4000-8000-000000000000";
const change = { as: "operator", method: "PATCH", status: 200 } as const;

const twoContainers = {
  template: {
    metadata: { labels: { app: "{name}" } },
    spec: {
      containers: [
        { name: "web", image: "web:1", env: [{ name: "A", value: "1" }] },
        { name: "side", image: "side:1" },
      ],
    },
  },
};

export const changeCases: readonly Case[] = [
  {
    name: "a change of the newest version is a new version",
    steps: [
      create(MAPS, configMap({ a: "1" }), { keep: { version: "metadata.resourceVersion" } }),
      {
        ...change,
        method: "PUT",
        path: MAP,
        body: { ...configMap({ b: "2" }), metadata: { name: "{name}", resourceVersion: "{version}" } },
        has: { data: { b: "2" } },
        lacks: ["data.a"],
      },
    ],
  },
  {
    name: "a change of an older version is a Conflict",
    steps: [
      create(MAPS, configMap({ a: "1" }), { keep: { version: "metadata.resourceVersion" } }),
      { ...change, path: MAP, body: { data: { a: "2" } } },
      {
        ...change,
        method: "PUT",
        path: MAP,
        body: { ...configMap({ a: "3" }), metadata: { name: "{name}", resourceVersion: "{version}" } },
        status: 409,
        has: {
          reason: "Conflict",
          message: '~^Operation cannot be fulfilled on configmaps "{name}": the object has been modified',
          details: { name: "{name}", kind: "configmaps" },
        },
      },
      { path: MAP, status: 200, has: { data: { a: "2" } } },
    ],
  },
  {
    name: "a patch that names an older version is a Conflict",
    steps: [
      create(MAPS, configMap({ a: "1" }), { keep: { version: "metadata.resourceVersion" } }),
      { ...change, path: MAP, body: { data: { a: "2" } } },
      {
        ...change,
        path: MAP,
        body: { metadata: { resourceVersion: "{version}" }, data: { a: "3" } },
        status: 409,
        has: { reason: "Conflict" },
      },
    ],
  },
  {
    name: "an object that takes the place of another of the same name is a Conflict",
    steps: [
      create(MAPS, configMap({ a: "1" })),
      {
        ...change,
        method: "PUT",
        path: MAP,
        body: { ...configMap({ a: "2" }), metadata: { name: "{name}", uid: OTHER } },
        status: 409,
        has: { reason: "Conflict", message: "~Precondition failed: UID in precondition" },
      },
    ],
  },
  {
    name: "a patch that gives an object another identity is Invalid",
    steps: [
      create(MAPS, configMap({ a: "1" })),
      {
        ...change,
        path: MAP,
        body: { metadata: { uid: OTHER }, data: { a: "2" } },
        status: 422,
        has: { reason: "Invalid", message: "~metadata.uid: Invalid value.*field is immutable" },
      },
    ],
  },
  {
    name: "a change that changes nothing is no new version",
    steps: [
      create(MAPS, configMap({ a: "1" }), { keep: { version: "metadata.resourceVersion" } }),
      { ...change, path: MAP, body: { data: { a: "1" } }, has: { metadata: { resourceVersion: "{version}" } } },
    ],
  },
  {
    name: "a change of the spec is a new generation, a change of labels is none",
    steps: [
      create(DEPLOYMENTS, deployment()),
      {
        ...change,
        path: DEPLOYMENT,
        body: { metadata: { labels: { more: "1" } } },
        has: { metadata: { generation: 1 } },
      },
      { ...change, path: DEPLOYMENT, body: { spec: { paused: true } }, has: { metadata: { generation: 2 } } },
    ],
  },
  {
    name: "a merge patch takes away what is null",
    steps: [
      create(MAPS, configMap({ a: "1", b: "2" })),
      {
        ...change,
        type: MERGE,
        path: MAP,
        body: { data: { a: null, c: "3" } },
        has: { data: { b: "2", c: "3" } },
        lacks: ["data.a"],
      },
    ],
  },
  {
    name: "a merge patch replaces a list",
    steps: [
      create(DEPLOYMENTS, deployment(twoContainers)),
      {
        ...change,
        type: MERGE,
        path: DEPLOYMENT,
        body: { spec: { template: { spec: { containers: [{ name: "web", image: "web:2" }] } } } },
        has: { spec: { template: { spec: { containers: [{ name: "web", image: "web:2" }] } } } },
      },
    ],
  },
  {
    name: "a strategic patch merges a list by its key",
    steps: [
      create(DEPLOYMENTS, deployment(twoContainers)),
      {
        ...change,
        type: STRATEGIC,
        path: DEPLOYMENT,
        body: { spec: { template: { spec: { containers: [{ name: "side", image: "side:2" }] } } } },
        has: {
          spec: {
            template: {
              spec: {
                containers: [
                  { name: "web", image: "web:1" },
                  { name: "side", image: "side:2" },
                ],
              },
            },
          },
        },
      },
    ],
  },
  {
    name: "a strategic patch can delete an entry of a list",
    steps: [
      create(DEPLOYMENTS, deployment(twoContainers)),
      {
        ...change,
        type: STRATEGIC,
        path: DEPLOYMENT,
        body: { spec: { template: { spec: { containers: [{ name: "side", $patch: "delete" }] } } } },
        has: { spec: { template: { spec: { containers: [{ name: "web" }] } } } },
      },
    ],
  },
  {
    name: "a strategic patch of nested lists keeps what it does not name",
    steps: [
      create(DEPLOYMENTS, deployment(twoContainers)),
      {
        ...change,
        type: STRATEGIC,
        path: DEPLOYMENT,
        body: { spec: { template: { spec: { containers: [{ name: "web", env: [{ name: "B", value: "2" }] }] } } } },
        has: {
          spec: {
            template: {
              spec: {
                containers: [
                  {
                    name: "web",
                    image: "web:1",
                    env: [
                      { name: "B", value: "2" },
                      { name: "A", value: "1" },
                    ],
                  },
                  { name: "side" },
                ],
              },
            },
          },
        },
      },
    ],
  },
  {
    name: "a strategic patch with retainKeys leaves only these",
    steps: [
      create(DEPLOYMENTS, deployment()),
      {
        ...change,
        type: STRATEGIC,
        path: DEPLOYMENT,
        body: { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } },
        has: { spec: { strategy: { type: "Recreate" } } },
        lacks: ["spec.strategy.rollingUpdate"],
      },
    ],
  },
  {
    name: "a JSON patch does its operations in their order",
    steps: [
      create(MAPS, configMap({ a: "1" })),
      {
        ...change,
        type: JSON_PATCH,
        path: MAP,
        body: [
          { op: "test", path: "/data/a", value: "1" },
          { op: "add", path: "/data/b", value: "2" },
          { op: "remove", path: "/data/a" },
        ],
        has: { data: { b: "2" } },
        lacks: ["data.a"],
      },
    ],
  },
  {
    name: "a JSON patch whose test fails changes nothing",
    steps: [
      create(MAPS, configMap({ a: "1" })),
      {
        ...change,
        type: JSON_PATCH,
        path: MAP,
        body: [
          { op: "remove", path: "/data/a" },
          { op: "test", path: "/data/a", value: "9" },
        ],
        status: 422,
        has: { reason: "Invalid" },
      },
      { path: MAP, status: 200, has: { data: { a: "1" } } },
    ],
  },
  {
    name: "a patch of an unknown type is refused",
    steps: [
      create(MAPS, configMap({})),
      {
        ...change,
        type: "application/json",
        path: MAP,
        body: { data: {} },
        status: 415,
        has: { reason: "UnsupportedMediaType" },
      },
    ],
  },
  {
    name: "a patch of what is not there is NotFound",
    steps: [{ ...change, path: MAP, body: { data: {} }, status: 404, has: { reason: "NotFound" } }],
  },
  {
    name: "a field that must stay is named when it is changed",
    steps: [
      create(DEPLOYMENTS, deployment()),
      {
        ...change,
        path: DEPLOYMENT,
        body: {
          spec: { selector: { matchLabels: { app: "other" } }, template: { metadata: { labels: { app: "other" } } } },
        },
        status: 422,
        has: { reason: "Invalid", message: "~spec.selector: Invalid value.*field is immutable" },
      },
    ],
  },
  {
    name: "a dry run of a creation makes nothing",
    steps: [
      create(`${MAPS}?dryRun=All`, configMap({ a: "1" }), { has: { data: { a: "1" }, metadata: { uid: "~." } } }),
      { path: MAP, status: 404 },
    ],
  },
  {
    name: "a dry run of a change changes nothing",
    steps: [
      create(MAPS, configMap({ a: "1" })),
      { ...change, path: `${MAP}?dryRun=All`, body: { data: { a: "2" } }, has: { data: { a: "2" } } },
      { path: MAP, status: 200, has: { data: { a: "1" } } },
    ],
  },
  {
    name: "a dry run of what is not valid is refused",
    steps: [
      create(`${DEPLOYMENTS}?dryRun=All`, deployment({ replicas: -1 }), {
        status: 422,
        has: { reason: "Invalid", details: { causes: [{ field: "spec.replicas" }] } },
      }),
    ],
  },
  {
    name: "the status is not changed with the object, and the object not with its status",
    steps: [
      create(DEPLOYMENTS, deployment({ paused: true })),
      {
        ...change,
        path: DEPLOYMENT,
        body: { status: { replicas: 99 }, spec: { minReadySeconds: 3 } },
        has: { spec: { minReadySeconds: 3 } },
        lacks: ["status.replicas"],
      },
    ],
  },
];
