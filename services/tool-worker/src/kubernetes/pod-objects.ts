import { z } from "zod";

/**
 * A field that may be absent. The server sends null for what it leaves out, and a field of another type than the API's documents name is no reason to lose the
 * whole list: it counts as absent.
 */
export function maybe<T extends z.ZodType>(type: T): z.ZodCatch<z.ZodOptional<T>> {
  return type.optional().catch(undefined);
}

export const Text = maybe(z.string());
export const Count = maybe(z.number());
export const Flag = maybe(z.boolean());
export const Labels = maybe(z.record(z.string(), z.string()));
/** A port or a number of pods: a number, or a name or a percentage. */
export const NumberOrText = maybe(z.union([z.number(), z.string()]));

const OwnerReference = z.object({
  apiVersion: Text,
  kind: z.string(),
  name: z.string(),
  uid: Text,
  controller: Flag,
});

export const Metadata = z.object({
  name: z.string(),
  namespace: Text,
  uid: Text,
  generation: Count,
  creationTimestamp: Text,
  deletionTimestamp: Text,
  labels: Labels,
  annotations: Labels,
  ownerReferences: maybe(z.array(OwnerReference)),
  managedFields: maybe(z.array(z.object({ manager: Text, apiVersion: Text }))),
});
export type Metadata = z.output<typeof Metadata>;

export const Conditions = maybe(
  z.array(z.object({ type: z.string(), status: z.string(), reason: Text, message: Text, lastTransitionTime: Text })),
);
export type Conditions = z.output<typeof Conditions>;

const Named = maybe(z.object({ name: Text }));

const Container = z.object({
  name: z.string(),
  image: Text,
  ports: maybe(z.array(z.object({ name: Text, containerPort: Count, protocol: Text }))),
  env: maybe(
    z.array(
      z.object({ name: z.string(), valueFrom: maybe(z.object({ secretKeyRef: Named, configMapKeyRef: Named })) }),
    ),
  ),
  envFrom: maybe(z.array(z.object({ secretRef: Named, configMapRef: Named }))),
  resources: maybe(z.object({ requests: Labels, limits: Labels })),
  securityContext: maybe(
    z.object({
      privileged: Flag,
      allowPrivilegeEscalation: Flag,
      runAsUser: Count,
      capabilities: maybe(z.object({ add: maybe(z.array(z.string())) })),
    }),
  ),
});
export type Container = z.output<typeof Container>;

const Volume = z.object({
  name: z.string(),
  hostPath: maybe(z.object({ path: z.string() })),
  secret: maybe(z.object({ secretName: Text })),
  configMap: Named,
  persistentVolumeClaim: maybe(z.object({ claimName: Text })),
  projected: maybe(z.object({ sources: maybe(z.array(z.object({ secret: Named, configMap: Named }))) })),
});

export const PodSpec = z.object({
  nodeName: Text,
  containers: z.array(Container),
  initContainers: maybe(z.array(Container)),
  volumes: maybe(z.array(Volume)),
  hostNetwork: Flag,
  hostPID: Flag,
  hostIPC: Flag,
  serviceAccountName: Text,
});
export type PodSpec = z.output<typeof PodSpec>;

const ContainerState = maybe(
  z.object({
    waiting: maybe(z.object({ reason: Text, message: Text })),
    running: maybe(z.object({ startedAt: Text })),
    terminated: maybe(
      z.object({ exitCode: z.number(), signal: Count, reason: Text, message: Text, startedAt: Text, finishedAt: Text }),
    ),
  }),
);

const ContainerStatus = z.object({
  name: z.string(),
  ready: z.boolean().catch(false),
  restartCount: z.number().catch(0),
  image: Text,
  started: Flag,
  state: ContainerState,
  lastState: ContainerState,
});
export type ContainerStatus = z.output<typeof ContainerStatus>;

export const Pod = z.object({
  metadata: Metadata,
  spec: PodSpec,
  status: maybe(
    z.object({
      phase: Text,
      reason: Text,
      message: Text,
      startTime: Text,
      conditions: Conditions,
      containerStatuses: maybe(z.array(ContainerStatus)),
      initContainerStatuses: maybe(z.array(ContainerStatus)),
    }),
  ),
});
export type Pod = z.output<typeof Pod>;
