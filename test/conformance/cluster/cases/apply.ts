import { APPLY, APPS, type Case, configMap, CORE, create, deployment, MERGE, type Step } from "../case.ts";

const MAP = `${CORE}/configmaps/{name}`;
const DEPLOYMENT = `${APPS}/deployments/{name}`;

function apply(path: string, body: unknown, more: Partial<Step> = {}, query = ""): Step {
  return {
    as: "operator",
    method: "PATCH",
    type: APPLY,
    path: `${path}?fieldManager=one${query}`,
    body,
    status: 200,
    ...more,
  };
}
const byTwo = (path: string, body: unknown, more: Partial<Step> = {}, query = ""): Step => ({
  ...apply(path, body, more),
  path: `${path}?fieldManager=two${query}`,
});
const image = (text: string) => deployment({ replicas: undefined }, text);

function withPort(port: Record<string, unknown>) {
  const labels = { app: "{name}" };
  const containers = [{ name: "web", image: "web:1", ports: [port] }];
  return deployment({ replicas: undefined, template: { metadata: { labels }, spec: { containers } } });
}

export const applyCases: readonly Case[] = [
  {
    name: "applying makes what is not there",
    steps: [
      apply(MAP, configMap({ a: "1" }), {
        status: 201,
        has: {
          data: { a: "1" },
          metadata: {
            managedFields: [
              {
                manager: "one",
                operation: "Apply",
                apiVersion: "v1",
                fieldsType: "FieldsV1",
                fieldsV1: { "f:data": { "f:a": {} } },
              },
            ],
          },
        },
      }),
    ],
  },
  {
    name: "applying the same again is no new version",
    steps: [
      apply(MAP, configMap({ a: "1" }), { status: 201, keep: { version: "metadata.resourceVersion" } }),
      apply(MAP, configMap({ a: "1" }), { has: { metadata: { resourceVersion: "{version}" } } }),
    ],
  },
  {
    name: "applying needs a manager",
    steps: [
      {
        ...apply(MAP, configMap({})),
        path: MAP,
        status: 422,
        has: { reason: "Invalid", message: "~fieldManager: Required value" },
      },
    ],
  },
  {
    name: "what another manager has otherwise is a conflict that names him and the field",
    steps: [
      apply(MAP, configMap({ a: "1" }), { status: 201 }),
      byTwo(MAP, configMap({ a: "2" }), {
        status: 409,
        has: {
          reason: "Conflict",
          message: '~^Apply failed with 1 conflict: conflict with "one": \\.data\\.a$',
          details: { causes: [{ reason: "FieldManagerConflict", field: ".data.a" }] },
        },
      }),
      { path: MAP, status: 200, has: { data: { a: "1" } } },
    ],
  },
  {
    name: "several conflicts are all named",
    steps: [
      apply(MAP, configMap({ a: "1", b: "1" }), { status: 201 }),
      byTwo(MAP, configMap({ a: "2", b: "2" }), {
        status: 409,
        has: {
          message: "~^Apply failed with 2 conflicts",
          details: { causes: [{ field: ".data.a" }, { field: ".data.b" }] },
        },
      }),
    ],
  },
  {
    name: "force takes a field over",
    steps: [
      apply(MAP, configMap({ a: "1" }), { status: 201 }),
      byTwo(MAP, configMap({ a: "2" }), { has: { data: { a: "2" } } }, "&force=true"),
      apply(MAP, configMap({ a: "3" }), {
        status: 409,
        has: { details: { causes: [{ message: 'conflict with "two"' }] } },
      }),
    ],
  },
  {
    name: "two managers share what they agree on",
    steps: [
      apply(MAP, configMap({ a: "1" }), { status: 201 }),
      byTwo(MAP, configMap({ a: "1", b: "2" }), { has: { data: { a: "1", b: "2" } } }),
      apply(MAP, configMap({}), { has: { data: { a: "1", b: "2" } } }),
    ],
  },
  {
    name: "what is not applied any more is taken away",
    steps: [
      apply(MAP, configMap({ a: "1", b: "2" }), { status: 201 }),
      apply(MAP, configMap({ b: "2" }), { has: { data: { b: "2" } }, lacks: ["data.a"] }),
    ],
  },
  {
    name: "what others made stays",
    steps: [
      create(`${CORE}/configmaps`, configMap({ theirs: "1" })),
      apply(MAP, configMap({ ours: "2" }), { has: { data: { theirs: "1", ours: "2" } } }),
    ],
  },
  {
    name: "whoever changes a field by a patch is in the way of those who apply",
    steps: [
      apply(MAP, configMap({ a: "1" }), { status: 201 }),
      {
        as: "operator",
        method: "PATCH",
        type: MERGE,
        path: `${MAP}?fieldManager=hand`,
        body: { data: { a: "9" } },
        status: 200,
      },
      apply(MAP, configMap({ a: "1" }), {
        status: 409,
        has: { message: '~conflict with "hand" using v1: \\.data\\.a' },
      }),
    ],
  },
  {
    name: "entries of a list are applied by their key",
    steps: [
      apply(DEPLOYMENT, image("web:1"), { status: 201 }),
      byTwo(
        DEPLOYMENT,
        {
          apiVersion: "apps/v1",
          kind: "Deployment",
          metadata: { name: "{name}" },
          spec: { template: { spec: { containers: [{ name: "side", image: "side:1" }] } } },
        },
        {
          has: {
            spec: {
              template: {
                spec: {
                  containers: [
                    { name: "web", image: "web:1" },
                    { name: "side", image: "side:1" },
                  ],
                },
              },
            },
          },
        },
      ),
    ],
  },
  {
    name: "a conflict in a list names the entry",
    steps: [
      apply(DEPLOYMENT, image("web:1"), { status: 201 }),
      byTwo(
        DEPLOYMENT,
        {
          apiVersion: "apps/v1",
          kind: "Deployment",
          metadata: { name: "{name}" },
          spec: { template: { spec: { containers: [{ name: "web", image: "web:2" }] } } },
        },
        { status: 409, has: { details: { causes: [{ field: '.spec.template.spec.containers[name="web"].image' }] } } },
      ),
    ],
  },
  {
    name: "a scale does not conflict with a configuration that leaves the replicas out",
    steps: [
      apply(DEPLOYMENT, image("web:1"), { status: 201 }),
      { as: "operator", method: "PATCH", path: `${DEPLOYMENT}/scale`, body: { spec: { replicas: 2 } }, status: 200 },
      apply(DEPLOYMENT, image("web:2"), {
        has: { spec: { replicas: 2, template: { spec: { containers: [{ image: "web:2" }] } } } },
      }),
    ],
  },
  {
    name: "a dry run of applying changes nothing",
    steps: [
      apply(MAP, configMap({ a: "1" }), { status: 201 }),
      apply(MAP, configMap({ a: "2" }), { has: { data: { a: "2" } } }, "&dryRun=All"),
      { path: MAP, status: 200, has: { data: { a: "1" } } },
    ],
  },
  {
    name: "a dry run of applying makes nothing",
    steps: [
      apply(MAP, configMap({ a: "1" }), { status: 201, has: { data: { a: "1" } } }, "&dryRun=All"),
      { path: MAP, status: 404 },
    ],
  },
  {
    name: "a dry run shows conflicts, too",
    steps: [
      apply(MAP, configMap({ a: "1" }), { status: 201 }),
      byTwo(MAP, configMap({ a: "2" }), { status: 409 }, "&dryRun=All"),
    ],
  },
  {
    name: "an unknown field of a configuration is refused, however the client wants fields checked",
    steps: [
      apply(
        MAP,
        { ...configMap({}), colour: "red" },
        {
          status: 500,
          has: { message: "~failed to create typed patch object .*: [.]colour: field not declared in schema" },
        },
        "&fieldValidation=Ignore",
      ),
    ],
  },
  {
    name: "a configuration of another kind is refused",
    steps: [apply(MAP, { ...configMap({}), kind: "Secret" }, { status: 400 })],
  },
  {
    name: "empty maps are fields that somebody manages, and are not kept",
    steps: [
      apply(MAP, configMap({}, "{name}", {}), { status: 201, lacks: ["metadata.labels", "data"] }),
      byTwo(MAP, configMap({}, "{name}", {}), {
        status: 409,
        has: { details: { causes: [{ field: ".data" }, { field: ".metadata.labels" }] } },
      }),
    ],
  },
  {
    name: "a port that names no protocol is the one of TCP",
    steps: [
      apply(DEPLOYMENT, withPort({ containerPort: 80 }), { status: 201 }),
      apply(DEPLOYMENT, withPort({ containerPort: 80, name: "web" }), {
        has: {
          spec: {
            template: { spec: { containers: [{ ports: [{ containerPort: 80, name: "web", protocol: "TCP" }] }] } },
          },
        },
      }),
      byTwo(DEPLOYMENT, withPort({ containerPort: 80, name: "other" }), {
        status: 409,
        has: { message: '~ports\\[containerPort=80,protocol="TCP"\\]\\.name' },
      }),
    ],
  },
];
