import { APPS, type Case, configMap, CORE, create, deployment } from "../case.ts";

const MAPS = `${CORE}/configmaps`;
const DEPLOYMENTS = `${APPS}/deployments`;

function pod(spec: Record<string, unknown>) {
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "{name}" }, spec };
}

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
  {
    name: "pods of a StatefulSet mount its claims",
    steps: [
      create(`${APPS}/statefulsets`, {
        ...deployment({
          replicas: 0,
          serviceName: "x",
          template: {
            metadata: { labels: { app: "{name}" } },
            spec: { containers: [{ name: "db", image: "db:1", volumeMounts: [{ name: "data", mountPath: "/data" }] }] },
          },
          volumeClaimTemplates: [
            {
              metadata: { name: "data" },
              spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
            },
          ],
        }),
        kind: "StatefulSet",
      }),
    ],
  },
  {
    name: "a pod that mounts what it does not have is refused",
    steps: [
      create(
        `${CORE}/pods`,
        pod({ containers: [{ name: "a", image: "a:1", volumeMounts: [{ name: "x", mountPath: "/x" }] }] }),
        {
          status: 422,
          has: {
            details: { causes: [{ reason: "FieldValueNotFound", field: "spec.containers[0].volumeMounts[0].name" }] },
          },
        },
      ),
    ],
  },
  {
    name: "of a pod, the image may be changed and not much more",
    steps: [
      create(`${CORE}/pods`, pod({ nodeSelector: { none: "has-this" }, containers: [{ name: "a", image: "a:1" }] })),
      {
        as: "operator",
        method: "PATCH",
        type: "application/strategic-merge-patch+json",
        path: `${CORE}/pods/{name}`,
        body: { spec: { containers: [{ name: "a", image: "a:2" }] } },
        status: 200,
        has: { spec: { containers: [{ image: "a:2" }] } },
      },
      {
        as: "operator",
        method: "PATCH",
        path: `${CORE}/pods/{name}`,
        body: { spec: { restartPolicy: "Never" } },
        status: 422,
        has: { reason: "Invalid", message: "~Forbidden: pod updates may not change fields other than" },
      },
    ],
  },
  {
    name: "a request above its limit is refused",
    steps: [
      create(
        `${CORE}/pods`,
        pod({ containers: [{ name: "a", image: "a:1", resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } }] }),
        { status: 422, has: { details: { causes: [{ field: "spec.containers[0].resources.requests" }] } } },
      ),
    ],
  },
  {
    name: "a selector of a service is kept, and its ports get what they lack",
    steps: [
      create(
        `${CORE}/services`,
        {
          apiVersion: "v1",
          kind: "Service",
          metadata: { name: "{name}" },
          spec: { selector: { a: "b" }, ports: [{ port: 80 }] },
        },
        {
          has: {
            spec: {
              type: "ClusterIP",
              sessionAffinity: "None",
              ports: [{ port: 80, targetPort: 80, protocol: "TCP" }],
            },
          },
        },
      ),
    ],
  },
  {
    name: "a schedule that is none is refused",
    steps: [
      create(
        "/apis/batch/v1/namespaces/{ns}/cronjobs",
        {
          apiVersion: "batch/v1",
          kind: "CronJob",
          metadata: { name: "{name}" },
          spec: {
            schedule: "never",
            jobTemplate: {
              spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "a", image: "a:1" }] } } },
            },
          },
        },
        { status: 422, has: { details: { causes: [{ field: "spec.schedule" }] } } },
      ),
    ],
  },
  {
    name: "a job whose pods would run for ever is refused",
    steps: [
      create(
        "/apis/batch/v1/namespaces/{ns}/jobs",
        {
          apiVersion: "batch/v1",
          kind: "Job",
          metadata: { name: "{name}" },
          spec: { template: { spec: { restartPolicy: "Always", containers: [{ name: "a", image: "a:1" }] } } },
        },
        { status: 422, has: { details: { causes: [{ field: "spec.template.spec.restartPolicy" }] } } },
      ),
    ],
  },
  {
    name: "an autoscaler needs a highest number",
    steps: [
      create(
        "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers",
        {
          apiVersion: "autoscaling/v2",
          kind: "HorizontalPodAutoscaler",
          metadata: { name: "{name}" },
          spec: {
            scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "x" },
            minReplicas: 4,
            maxReplicas: 2,
          },
        },
        { status: 422, has: { details: { causes: [{ field: "spec.maxReplicas" }] } } },
      ),
    ],
  },
];
