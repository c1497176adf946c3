import { DAY_MS, HOUR_MS, MINUTE_MS } from "../durations.ts";

export type ContainerSpec = {
  name: string;
  image: string;
  port?: number;
  cpu: string;
  memory: string;
  env?: Record<string, string>;
};

export type Workload = {
  kind: "Deployment" | "DaemonSet";
  namespace: string;
  name: string;
  replicas: number;
  /** How old the workload is when the simulator starts. */
  ageMs: number;
  containers: readonly [ContainerSpec, ...ContainerSpec[]];
};

export const NAMESPACES = ["default", "kube-system", "monitoring", "shop"] as const;
export const NODES = ["simulated-node-1", "simulated-node-2", "simulated-node-3"] as const;

const OLD_MS = 9 * DAY_MS;

/** The whole cluster: two workloads in trouble among healthy ones. The credentials are made up and open nothing. */
export const WORKLOADS: readonly Workload[] = [
  {
    kind: "Deployment",
    namespace: "shop",
    name: "storefront",
    replicas: 3,
    ageMs: OLD_MS,
    containers: [
      {
        name: "storefront",
        image: "registry.simulated/shop/storefront:2.4.1",
        port: 8080,
        cpu: "100m",
        memory: "128Mi",
      },
    ],
  },
  {
    kind: "Deployment",
    namespace: "shop",
    name: "cart",
    replicas: 1,
    ageMs: OLD_MS,
    containers: [
      {
        name: "cart",
        image: "registry.simulated/shop/cart:1.9.0",
        port: 8081,
        cpu: "100m",
        memory: "96Mi",
        env: { DATABASE_URL: "postgres://cart:simulated-password@db.shop:5432/cart", LOG_LEVEL: "info" },
      },
      {
        name: "metrics",
        image: "registry.simulated/shop/metrics-sidecar:0.7.3",
        port: 9102,
        cpu: "20m",
        memory: "32Mi",
      },
    ],
  },
  {
    kind: "Deployment",
    namespace: "shop",
    name: "checkout",
    replicas: 1,
    ageMs: 47 * MINUTE_MS,
    containers: [
      {
        name: "checkout",
        image: "registry.simulated/shop/checkout:3.0.0",
        port: 8082,
        cpu: "100m",
        memory: "128Mi",
        env: { NODE_ENV: "production", API_TOKEN: "simulated-token-4f2a" },
      },
    ],
  },
  {
    kind: "Deployment",
    namespace: "shop",
    name: "recommender",
    replicas: 1,
    ageMs: 22 * MINUTE_MS,
    containers: [
      {
        name: "recommender",
        image: "registry.simulated/shop/recommender:0.3.0",
        port: 8083,
        cpu: "6",
        memory: "4Gi",
      },
    ],
  },
  {
    kind: "Deployment",
    namespace: "default",
    name: "hello",
    replicas: 1,
    ageMs: 5 * HOUR_MS,
    containers: [{ name: "hello", image: "registry.simulated/hello:1.0.0", port: 8080, cpu: "10m", memory: "16Mi" }],
  },
  {
    kind: "Deployment",
    namespace: "monitoring",
    name: "prometheus",
    replicas: 1,
    ageMs: OLD_MS,
    containers: [
      {
        name: "prometheus",
        image: "registry.simulated/prometheus:3.1.0",
        port: 9090,
        cpu: "200m",
        memory: "512Mi",
      },
    ],
  },
  {
    kind: "Deployment",
    namespace: "monitoring",
    name: "grafana",
    replicas: 1,
    ageMs: OLD_MS,
    containers: [
      {
        name: "grafana",
        image: "registry.simulated/grafana:11.4.0",
        port: 3000,
        cpu: "100m",
        memory: "256Mi",
      },
    ],
  },
  {
    kind: "Deployment",
    namespace: "kube-system",
    name: "coredns",
    replicas: 2,
    ageMs: OLD_MS,
    containers: [
      {
        name: "coredns",
        image: "registry.simulated/coredns:1.11.3",
        port: 53,
        cpu: "100m",
        memory: "70Mi",
      },
    ],
  },
  {
    kind: "DaemonSet",
    namespace: "kube-system",
    name: "kube-proxy",
    replicas: NODES.length,
    ageMs: OLD_MS,
    containers: [{ name: "kube-proxy", image: "registry.simulated/kube-proxy:1.32.0", cpu: "50m", memory: "64Mi" }],
  },
];
