import type { JsonObject } from "../json.ts";
import { NAMESPACES, NODES } from "./workloads.ts";

export const KUBERNETES_VERSION = "v1.32.0-simulated";

type Settings = { namespace: string; name: string; type?: string; data: Record<string, string> };

const CONFIG_MAPS: readonly Settings[] = [
  {
    namespace: "kube-system",
    name: "coredns",
    data: { Corefile: ".:53 {\n    errors\n    health\n    forward . /etc/resolv.conf\n}\n" },
  },
  { namespace: "shop", name: "checkout-config", data: { LOG_LEVEL: "info", RETRIES: "3" } },
  {
    namespace: "shop",
    name: "storefront-config",
    data: { THEME: "light", CART_URL: "http://cart.shop", CHECKOUT_URL: "http://checkout.shop" },
  },
];

/** Made-up values that look like secrets, so that what must hide them can be seen to hide them. */
const SECRETS: readonly Settings[] = [
  {
    namespace: "monitoring",
    name: "grafana-admin",
    type: "Opaque",
    data: { username: "admin", password: "simulated-password-grafana" },
  },
  {
    namespace: "shop",
    name: "payment-credentials",
    type: "Opaque",
    data: { apiKey: "sk-simulated-51Hx", webhookSecret: "whsec-simulated" },
  },
  {
    namespace: "shop",
    name: "registry-login",
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": '{"auths":{}}' },
  },
];

type ServiceSpec = {
  namespace: string;
  name: string;
  app?: string;
  port: number;
  targetPort: number;
  portName: string;
};

const SERVICES: readonly ServiceSpec[] = [
  { namespace: "default", name: "kubernetes", port: 443, targetPort: 6443, portName: "https" },
  { namespace: "default", name: "hello", app: "hello", port: 80, targetPort: 8080, portName: "http" },
  { namespace: "kube-system", name: "kube-dns", app: "coredns", port: 53, targetPort: 53, portName: "dns-tcp" },
  { namespace: "monitoring", name: "grafana", app: "grafana", port: 3000, targetPort: 3000, portName: "http" },
  { namespace: "monitoring", name: "prometheus", app: "prometheus", port: 9090, targetPort: 9090, portName: "http" },
  { namespace: "shop", name: "cart", app: "cart", port: 80, targetPort: 8081, portName: "http" },
  { namespace: "shop", name: "checkout", app: "checkout", port: 80, targetPort: 8082, portName: "http" },
  { namespace: "shop", name: "storefront", app: "storefront", port: 80, targetPort: 8080, portName: "http" },
];

function serviceObject({ namespace, name, app, port, targetPort, portName }: ServiceSpec): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, labels: { app: app ?? name } },
    spec: {
      ...(app !== undefined && { selector: { app } }),
      ports: [{ name: portName, port, targetPort, protocol: "TCP" }],
    },
  };
}

function nodeObject(name: string, index: number): JsonObject {
  const labels: Record<string, string> = {
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": "amd64",
    "parley.dev/simulated": "true",
    ...(index === 0 && { "node-role.kubernetes.io/control-plane": "" }),
  };
  return { apiVersion: "v1", kind: "Node", metadata: { name, labels }, spec: { podCIDR: `10.244.${index}.0/24` } };
}

const inShop = (apiVersion: string, kind: string, name: string, fields: JsonObject): JsonObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: "shop", labels: { "app.kubernetes.io/part-of": "shop" } },
  ...fields,
});

/** One object of each kind that a cluster in use has beside its workloads. */
const FURNITURE: readonly JsonObject[] = [
  inShop("autoscaling/v2", "HorizontalPodAutoscaler", "storefront", {
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "storefront" },
      minReplicas: 2,
      maxReplicas: 6,
    },
  }),
  inShop("policy/v1", "PodDisruptionBudget", "storefront", {
    spec: { minAvailable: 2, selector: { matchLabels: { app: "storefront" } } },
  }),
  inShop("networking.k8s.io/v1", "Ingress", "shop", {
    spec: {
      ingressClassName: "simulated",
      rules: [
        {
          host: "shop.simulated",
          http: {
            paths: [
              { path: "/", pathType: "Prefix", backend: { service: { name: "storefront", port: { number: 80 } } } },
            ],
          },
        },
      ],
    },
  }),
  inShop("networking.k8s.io/v1", "NetworkPolicy", "default-deny", {
    spec: { podSelector: {}, policyTypes: ["Ingress"] },
  }),
  inShop("v1", "ResourceQuota", "shop", {
    spec: { hard: { pods: "60", "requests.cpu": "40", "requests.memory": "40Gi" } },
  }),
  inShop("v1", "PersistentVolumeClaim", "cart-data", {
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  }),
  inShop("batch/v1", "CronJob", "cart-cleanup", {
    spec: {
      schedule: "0 3 * * *",
      // A picture of the cluster is the same on every day.
      suspend: true,
      jobTemplate: {
        spec: {
          template: {
            spec: {
              restartPolicy: "Never",
              containers: [{ name: "cleanup", image: "registry.simulated/shop/cleanup:1.0.0" }],
            },
          },
        },
      },
    },
  }),
];

const WIDGETS: JsonObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.simulated.parley.dev" },
  spec: {
    group: "simulated.parley.dev",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList", shortNames: ["wd"] },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [{ name: "Size", type: "integer", jsonPath: ".spec.size" }],
        schema: {
          openAPIV3Schema: {
            description: "A widget, to try what tools do with a kind of which they know nothing.",
            type: "object",
            properties: {
              spec: {
                description: "What the widget should be.",
                type: "object",
                required: ["size"],
                properties: {
                  size: { description: "How large it is, from 1 to 100.", type: "integer" },
                  colour: { description: "The colour it is painted.", type: "string", default: "grey" },
                },
              },
              status: { type: "object", properties: { ready: { type: "boolean" } } },
            },
          },
        },
      },
    ],
  },
};

/** What was there before any workload, in the order in which it has to be made. */
export function groundObjects(): JsonObject[] {
  const settings = [
    ...CONFIG_MAPS.map((entry) => ({ kind: "ConfigMap", entry })),
    ...SECRETS.map((entry) => ({ kind: "Secret", entry })),
  ];
  return [
    ...NAMESPACES.map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })),
    ...NODES.map(nodeObject),
    {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name: "standard", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      provisioner: "simulated.parley.dev/disk",
      allowVolumeExpansion: true,
    },
    ...settings.map(({ kind, entry: { namespace, name, type, data } }) => ({
      apiVersion: "v1",
      kind,
      metadata: { name, namespace },
      ...(kind === "Secret" ? { type: type ?? "Opaque", stringData: data } : { data }),
    })),
    ...SERVICES.map(serviceObject),
    {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { name: "kubernetes", namespace: "default" },
      subsets: [{ addresses: [{ ip: "10.10.0.11" }], ports: [{ name: "https", port: 6443, protocol: "TCP" }] }],
    },
    WIDGETS,
  ];
}

/** What needs the workloads, or a definition that has to be served first. */
export function furnitureObjects(): JsonObject[] {
  return [...FURNITURE, inShop("simulated.parley.dev/v1", "Widget", "sprocket", { spec: { size: 3 } })];
}

export function nodeStatus(name: string, createdAt: string): JsonObject {
  const size = { cpu: "4", memory: "8148532Ki", pods: "110", "ephemeral-storage": "51175Mi" };
  const state = (type: string, status: string, reason: string, message: string): JsonObject => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: createdAt,
    lastTransitionTime: createdAt,
  });
  return {
    capacity: size,
    allocatable: size,
    conditions: [
      state("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
      state("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
      state("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
      state("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ],
    addresses: [
      { type: "InternalIP", address: `10.10.0.${10 + Number(/\d+$/.exec(name)?.[0] ?? 0)}` },
      { type: "Hostname", address: name },
    ],
    nodeInfo: {
      machineID: name,
      systemUUID: name,
      bootID: name,
      kernelVersion: "6.1.0-simulated",
      osImage: "Simulated Linux",
      containerRuntimeVersion: "simulated://1.0.0",
      kubeletVersion: KUBERNETES_VERSION,
      kubeProxyVersion: KUBERNETES_VERSION,
      operatingSystem: "linux",
      architecture: "amd64",
    },
  };
}
