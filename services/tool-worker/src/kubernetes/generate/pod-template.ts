import type { PodParams } from "./params.ts";

/** Of the object that has the pods. */
export interface PodOwner {
  readonly name: string;
  readonly restartPolicy?: "Never" | "OnFailure";
  readonly mount?: { readonly volume: string; readonly path: string };
}

/** By which a Service and a NetworkPolicy find the pods. */
export const selectorOf = (name: string): Record<string, string> => ({ app: name });

/**
 * A pod as Kubernetes' restricted profile wants it (Pod Security Standards): no root, no privileges, no capabilities, a seccomp profile, no token of the
 * cluster; with requests and a memory limit, so that it can be placed and cannot take its node's memory; and with probes where it listens.
 */
export function podTemplate(params: PodParams, owner: PodOwner) {
  const { serviceAccount, runAsRoot } = params;
  return {
    metadata: { labels: selectorOf(owner.name) },
    spec: {
      ...(serviceAccount === undefined
        ? { automountServiceAccountToken: false }
        : { serviceAccountName: serviceAccount }),
      securityContext: {
        ...(runAsRoot ? {} : { runAsNonRoot: true }),
        seccompProfile: { type: "RuntimeDefault" },
      },
      containers: [container(params, owner)],
      ...(owner.restartPolicy && { restartPolicy: owner.restartPolicy }),
    },
  };
}

function container(params: PodParams, { name, mount }: PodOwner) {
  const { image, command, args, port, cpu, memory, cpuLimit, writable, runAsRoot } = params;
  return {
    name,
    image,
    ...(command && { command }),
    ...(args && { args }),
    ...(port !== undefined && { ports: [{ containerPort: port }] }),
    ...environment(params),
    resources: {
      requests: { cpu, memory },
      limits: { memory, ...(cpuLimit !== undefined && { cpu: cpuLimit }) },
    },
    ...probes(params),
    securityContext: {
      allowPrivilegeEscalation: false,
      // An image that needs root mostly needs some of its capabilities as well.
      ...(runAsRoot ? {} : { capabilities: { drop: ["ALL"] } }),
      ...(writable ? {} : { readOnlyRootFilesystem: true }),
    },
    ...(mount && { volumeMounts: [{ name: mount.volume, mountPath: mount.path }] }),
  };
}

function environment({ env = {}, secretEnv = {} }: PodParams) {
  const plain = Object.entries(env).map(([name, value]) => ({ name, value }));
  const secret = Object.entries(secretEnv).map(([name, from]) => {
    const [secretName = "", key = ""] = from.split("/");
    return { name, valueFrom: { secretKeyRef: { name: secretName, key } } };
  });
  return plain.length + secret.length === 0 ? {} : { env: [...plain, ...secret] };
}

/** A pod that is not ready gets no requests; one that hangs is started again, later and more patiently. */
function probes({ port, probePath }: PodParams) {
  if (port === undefined) return {};
  const check = probePath === undefined ? { tcpSocket: { port } } : { httpGet: { path: probePath, port } };
  return {
    readinessProbe: { ...check, periodSeconds: 5 },
    livenessProbe: { ...check, initialDelaySeconds: 15, periodSeconds: 10, failureThreshold: 6 },
  };
}
