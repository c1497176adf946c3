import { type ClusterView, metadataOf } from "./cluster.ts";
import { pickNumber } from "./fixed-random.ts";
import { CLUSTER_AGE_MS, nodeObjects } from "./node-objects.ts";
import { isReady, podStateAt } from "./pod-state.ts";

export type Service = ReturnType<typeof serviceObject>;

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

export function serviceObjects(view: ClusterView) {
  return SERVICES.map((service) => serviceObject(service, view));
}

function serviceObject(service: ServiceSpec, view: ClusterView) {
  const { namespace, name, app, port, targetPort, portName } = service;
  const clusterIP = `10.96.${pickNumber(`${namespace}/${name}/net`, 200)}.${1 + pickNumber(`${namespace}/${name}/host`, 250)}`;
  const labels: Record<string, string> = { app: app ?? name };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...metadataOf(view, { name, namespace, createdMs: view.startedMs - CLUSTER_AGE_MS }), labels },
    spec: {
      type: "ClusterIP",
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
      internalTrafficPolicy: "Cluster",
      sessionAffinity: "None",
      ports: [{ name: portName, protocol: "TCP", port, targetPort }],
      ...(app !== undefined && { selector: { app } }),
    },
    status: { loadBalancer: {} },
  };
}

export function endpointsObjects(view: ClusterView) {
  return SERVICES.map((service) => endpointsObject(service, view));
}

/** The pods behind a service, in the two lists by which a service without a ready pod is recognised. */
function endpointsObject(service: ServiceSpec, view: ClusterView) {
  const { namespace, name, app, targetPort, portName } = service;
  const pods = view.pods.filter(({ owner }) => owner.workload.namespace === namespace && owner.workload.name === app);
  const ready = (isWanted: boolean) =>
    pods
      .filter((pod) => pod.node !== undefined && isReady(podStateAt(pod, view.nowMs)) === isWanted)
      .map((pod) => ({
        ip: pod.ip,
        nodeName: pod.node,
        targetRef: { kind: "Pod", namespace, name: pod.name, uid: pod.uid },
      }));
  const [controlPlane] = nodeObjects(view);
  const addresses = app === undefined ? [{ ip: controlPlane?.status.addresses[0]?.address ?? "" }] : ready(true);
  const notReadyAddresses = app === undefined ? [] : ready(false);
  const subset = {
    ...(addresses.length > 0 && { addresses }),
    ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
    ports: [{ name: portName, port: targetPort, protocol: "TCP" }],
  };
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: metadataOf(view, { name, namespace, createdMs: view.startedMs - CLUSTER_AGE_MS }),
    subsets: addresses.length + notReadyAddresses.length > 0 ? [subset] : [],
  };
}
