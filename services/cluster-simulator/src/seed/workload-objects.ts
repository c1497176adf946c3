import type { JsonObject } from "../json.ts";
import type { ContainerSpec, Workload } from "./workloads.ts";

/** A workload of the table as somebody would have created it. */
export function workloadObject({ kind, namespace, name, replicas, containers }: Workload): JsonObject {
  const labels = { app: name, "app.kubernetes.io/part-of": namespace };
  return {
    apiVersion: "apps/v1",
    kind,
    metadata: { name, namespace, labels },
    spec: {
      ...(kind === "Deployment" && { replicas }),
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels },
        spec: { containers: containers.map(containerObject), serviceAccountName: "default" },
      },
    },
  };
}

function containerObject({ name, image, port, env, cpu, memory }: ContainerSpec): JsonObject {
  return {
    name,
    image,
    ...(port !== undefined && { ports: [{ containerPort: port, protocol: "TCP" }] }),
    ...(env !== undefined && { env: Object.entries(env).map(([key, value]) => ({ name: key, value })) }),
    resources: { requests: { cpu, memory }, limits: { memory } },
  };
}
