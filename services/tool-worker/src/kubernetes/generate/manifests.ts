import type { GeneratedKind, ParamsOf } from "./params.ts";
import { podTemplate, selectorOf } from "./pod-template.ts";

/** Where an object is to be. */
export interface Place {
  readonly name: string;
  readonly namespace: string | undefined;
}

type Write<Kind extends GeneratedKind> = (params: ParamsOf<Kind>, place: Place) => object;

/** Objects as a careful person writes them. Pure: nothing is asked of a cluster, and none of it is random. */
export const manifestOf: { readonly [Kind in GeneratedKind]: Write<Kind> } = {
  Deployment: (params, place) => ({
    ...head("apps/v1", "Deployment", place, { ...selectorOf(place.name), ...params.labels }),
    spec: {
      replicas: params.replicas,
      selector: { matchLabels: selectorOf(place.name) },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: podTemplate(params, place),
    },
  }),

  StatefulSet(params, place) {
    const { storage, storageClass, mountPath, replicas, serviceName = place.name } = params;
    const mount = storage === undefined ? undefined : { volume: "data", path: mountPath };
    return {
      ...head("apps/v1", "StatefulSet", place, { ...selectorOf(place.name), ...params.labels }),
      spec: {
        serviceName,
        replicas,
        selector: { matchLabels: selectorOf(place.name) },
        template: podTemplate(params, { name: place.name, ...(mount && { mount }) }),
        ...(storage !== undefined && {
          volumeClaimTemplates: [
            { metadata: { name: "data" }, spec: claim({ storage, storageClass, accessMode: "ReadWriteOnce" }) },
          ],
        }),
      },
    };
  },

  Job: (params, place) => ({
    ...head("batch/v1", "Job", place, params.labels),
    spec: { ...jobSpec(params, place), ttlSecondsAfterFinished: params.ttlSeconds },
  }),

  CronJob: (params, place) => ({
    ...head("batch/v1", "CronJob", place, params.labels),
    spec: {
      schedule: params.schedule,
      timeZone: params.timeZone,
      // A run that takes longer than its interval does not pile up.
      concurrencyPolicy: "Forbid",
      startingDeadlineSeconds: 300,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: { spec: jobSpec(params, place) },
    },
  }),

  Service: ({ port, targetPort = port, selector, type, labels }, place) => ({
    ...head("v1", "Service", place, labels),
    spec: { type, selector: selector ?? selectorOf(place.name), ports: [{ port, targetPort, protocol: "TCP" }] },
  }),

  Ingress({ host, serviceName, servicePort, path, className, tlsSecret, labels }, place) {
    const service = { name: serviceName ?? place.name, port: { number: servicePort } };
    return {
      ...head("networking.k8s.io/v1", "Ingress", place, labels),
      spec: {
        ...(className !== undefined && { ingressClassName: className }),
        ...(tlsSecret !== undefined && { tls: [{ hosts: [host], secretName: tlsSecret }] }),
        rules: [{ host, http: { paths: [{ path, pathType: "Prefix", backend: { service } }] } }],
      },
    };
  },

  ConfigMap: ({ data, labels }, place) => ({ ...head("v1", "ConfigMap", place, labels), data }),

  Secret: ({ keys, type, labels }, place) => ({
    ...head("v1", "Secret", place, labels),
    type,
    stringData: Object.fromEntries(keys.map((key) => [key, `<value of ${key}>`])),
  }),

  PersistentVolumeClaim: (params, place) => ({
    ...head("v1", "PersistentVolumeClaim", place, params.labels),
    spec: claim(params),
  }),

  HorizontalPodAutoscaler: ({ target, minReplicas, maxReplicas, cpuPercent, labels }, place) => ({
    ...head("autoscaling/v2", "HorizontalPodAutoscaler", place, labels),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: target ?? place.name },
      minReplicas,
      maxReplicas,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: cpuPercent } },
        },
      ],
    },
  }),

  NetworkPolicy({ selector, allowFrom, port, labels }, place) {
    const rule = {
      ...(allowFrom && { from: [{ podSelector: { matchLabels: allowFrom } }] }),
      ...(port !== undefined && { ports: [{ protocol: "TCP", port }] }),
    };
    return {
      ...head("networking.k8s.io/v1", "NetworkPolicy", place, labels),
      spec: {
        podSelector: { matchLabels: selector ?? selectorOf(place.name) },
        policyTypes: ["Ingress"],
        // Without a rule nothing comes in; an empty one would let in everything.
        ingress: allowFrom === undefined ? [] : [rule],
      },
    };
  },
};

function head(apiVersion: string, kind: string, { name, namespace }: Place, labels?: Record<string, string>) {
  const metadata = { name, ...(namespace !== undefined && { namespace }), ...(labels && { labels }) };
  return { apiVersion, kind, metadata };
}

function jobSpec(params: ParamsOf<"Job"> | ParamsOf<"CronJob">, { name }: Place) {
  return {
    backoffLimit: params.backoffLimit,
    activeDeadlineSeconds: params.deadlineSeconds,
    template: podTemplate(params, { name, restartPolicy: "Never" }),
  };
}

type Claim = Pick<ParamsOf<"PersistentVolumeClaim">, "storage" | "storageClass" | "accessMode">;

function claim({ storage, storageClass, accessMode }: Claim) {
  return {
    accessModes: [accessMode],
    ...(storageClass !== undefined && { storageClassName: storageClass }),
    resources: { requests: { storage } },
  };
}
