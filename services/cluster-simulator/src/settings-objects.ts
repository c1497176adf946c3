import { type ClusterView, metadataOf } from "./cluster.ts";
import { CLUSTER_AGE_MS } from "./node-objects.ts";

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

export function configMapObjects(view: ClusterView) {
  return CONFIG_MAPS.map((settings) => configMapObject(settings, view));
}

function configMapObject(settings: Settings, view: ClusterView) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: settingsMetadata(settings, view), data: settings.data };
}

export function secretObjects(view: ClusterView) {
  return SECRETS.map((settings) => secretObject(settings, view));
}

function secretObject(settings: Settings, view: ClusterView) {
  const data = Object.fromEntries(
    Object.entries(settings.data).map(([key, value]) => [key, Buffer.from(value, "utf8").toString("base64")]),
  );
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: settings.type ?? "Opaque",
    metadata: settingsMetadata(settings, view),
    data,
  };
}

function settingsMetadata({ namespace, name }: Settings, view: ClusterView) {
  return metadataOf(view, { name, namespace, createdMs: view.startedMs - CLUSTER_AGE_MS });
}
