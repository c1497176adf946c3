import { APPS, type Case, configMap, CORE, create, deployment } from "../case.ts";

const MAPS = `${CORE}/configmaps`;
const DEPLOYMENTS = `${APPS}/deployments`;

export const createCases: readonly Case[] = [
  {
    name: "a name comes once",
    steps: [
      create(MAPS, configMap({})),
      create(MAPS, configMap({}), {
        status: 409,
        has: {
          reason: "AlreadyExists",
          message: 'configmaps "{name}" already exists',
          details: { name: "{name}", kind: "configmaps" },
        },
      }),
    ],
  },
  {
    name: "a name can be generated",
    steps: [
      create(
        MAPS,
        { ...configMap({}), metadata: { generateName: "{name}-" } },
        { has: { metadata: { name: "~^{name}-[a-z0-9]{5}$", generateName: "{name}-" } } },
      ),
    ],
  },
  {
    name: "a name that cannot be one is Invalid",
    steps: [
      create(MAPS, configMap({}, "No_Name"), {
        status: 422,
        has: {
          reason: "Invalid",
          details: { kind: "ConfigMap", causes: [{ reason: "FieldValueInvalid", field: "metadata.name" }] },
        },
      }),
    ],
  },
  {
    name: "nothing is made in a namespace that is not there",
    steps: [
      create("/api/v1/namespaces/{name}/configmaps", configMap({}), {
        status: 404,
        has: { reason: "NotFound", message: 'namespaces "{name}" not found' },
      }),
    ],
  },
  {
    name: "an object of another namespace is refused",
    steps: [
      create(
        MAPS,
        { ...configMap({}), metadata: { name: "{name}", namespace: "default" } },
        { status: 400, has: { reason: "BadRequest", message: "~namespace of the provided object does not match" } },
      ),
    ],
  },
  {
    name: "a new object has no version yet",
    steps: [
      create(
        MAPS,
        { ...configMap({}), metadata: { name: "{name}", resourceVersion: "7" } },
        { status: 500, has: { message: "resourceVersion should not be set on objects to be created" } },
      ),
    ],
  },
  {
    name: "an object of another kind is refused",
    steps: [
      create(
        MAPS,
        { apiVersion: "v1", kind: "Secret", metadata: { name: "{name}" } },
        { status: 400, has: { reason: "BadRequest" } },
      ),
    ],
  },
  {
    name: "a value of another type is refused",
    steps: [
      create(DEPLOYMENTS, deployment({ replicas: "two" }), {
        status: 400,
        has: { reason: "BadRequest", message: "~cannot be handled as a Deployment" },
      }),
    ],
  },
  {
    name: "an unknown field is refused where the client is strict",
    steps: [
      create(`${DEPLOYMENTS}?fieldValidation=Strict`, deployment({ replica: 2 }), {
        status: 400,
        has: { reason: "BadRequest", message: '~strict decoding error: unknown field "spec.replica"' },
      }),
    ],
  },
  {
    name: "an unknown field is dropped where it is not",
    steps: [create(`${DEPLOYMENTS}?fieldValidation=Ignore`, deployment({ replica: 2 }), { lacks: ["spec.replica"] })],
  },
  {
    name: "what a client leaves out is put in",
    steps: [
      create(DEPLOYMENTS, deployment({ replicas: undefined }), {
        has: {
          metadata: { generation: 1 },
          spec: {
            replicas: 1,
            revisionHistoryLimit: 10,
            progressDeadlineSeconds: 600,
            strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
            template: {
              spec: {
                restartPolicy: "Always",
                dnsPolicy: "ClusterFirst",
                terminationGracePeriodSeconds: 30,
                containers: [{ imagePullPolicy: "IfNotPresent", terminationMessagePolicy: "File" }],
              },
            },
          },
        },
      }),
    ],
  },
  {
    name: "a required field that is missing is named",
    steps: [
      create(
        DEPLOYMENTS,
        {
          apiVersion: "apps/v1",
          kind: "Deployment",
          metadata: { name: "{name}" },
          spec: {
            selector: { matchLabels: { app: "x" } },
            template: { metadata: { labels: { app: "x" } }, spec: { containers: [{ name: "web" }] } },
          },
        },
        {
          status: 422,
          has: {
            reason: "Invalid",
            details: {
              group: "apps",
              kind: "Deployment",
              causes: [{ reason: "FieldValueRequired", field: "spec.template.spec.containers[0].image" }],
            },
          },
        },
      ),
    ],
  },
  {
    name: "a selector that does not fit its template is refused",
    steps: [
      create(DEPLOYMENTS, deployment({ selector: { matchLabels: { app: "other" } } }), {
        status: 422,
        has: { reason: "Invalid", message: "~`selector` does not match template `labels`" },
      }),
    ],
  },
  {
    name: "text of a Secret is kept encoded",
    steps: [
      create(
        `${CORE}/secrets`,
        { apiVersion: "v1", kind: "Secret", metadata: { name: "{name}" }, stringData: { key: "value" } },
        { has: { type: "Opaque", data: { key: "dmFsdWU=" } }, lacks: ["stringData"] },
      ),
    ],
  },
];
