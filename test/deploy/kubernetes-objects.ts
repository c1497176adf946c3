import { z } from "zod";
import { type Manifest, manifestFiles, manifestsIn } from "./manifests.ts";
import { readYamlFile } from "./yaml.ts";

const Labels = z.record(z.string(), z.string());
const Selector = z.object({ matchLabels: Labels });
const Port = z.object({ name: z.string(), containerPort: z.number() });
const Probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }).optional() }).loose();

const Container = z.object({
  name: z.string(),
  image: z.string(),
  ports: z.array(Port),
  env: z
    .array(z.object({ name: z.string(), value: z.string().optional(), valueFrom: z.unknown().optional() }))
    .default([]),
  envFrom: z.array(z.object({ configMapRef: z.object({ name: z.string() }) })).default([]),
  resources: z.object({
    requests: z.object({ cpu: z.string(), memory: z.string() }),
    limits: z.object({ memory: z.string() }),
  }),
  securityContext: z.object({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.object({ drop: z.tuple([z.literal("ALL")]) }),
  }),
  startupProbe: Probe,
  livenessProbe: Probe,
  readinessProbe: Probe,
  lifecycle: z.object({ preStop: z.object({ sleep: z.object({ seconds: z.number() }) }) }).optional(),
});

/** What runs pods: a Deployment or a StatefulSet. */
export const Workload = z.object({
  kind: z.enum(["Deployment", "StatefulSet"]),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    selector: Selector,
    template: z.object({
      metadata: z.object({ labels: Labels }),
      spec: z.object({
        serviceAccountName: z.string(),
        automountServiceAccountToken: z.boolean(),
        terminationGracePeriodSeconds: z.number().default(30),
        securityContext: z.object({
          runAsNonRoot: z.literal(true),
          runAsUser: z.number().min(1),
          seccompProfile: z.object({ type: z.literal("RuntimeDefault") }),
        }),
        containers: z.array(Container),
      }),
    }),
  }),
});
export type Workload = z.infer<typeof Workload>;

export const objects: readonly Manifest[] = manifestFiles().flatMap(manifestsIn);
export const ofKind = (kind: string): Manifest[] => objects.filter((object) => object.kind === kind);
export const workloads: readonly Workload[] = [...ofKind("Deployment"), ...ofKind("StatefulSet")].map((one) =>
  Workload.parse(one),
);

const Generators = z.object({
  configMapGenerator: z.array(z.object({ name: z.string(), literals: z.array(z.string()).default([]) })).default([]),
});

/** The variables that a kustomization gives, by ConfigMap. */
export function literalsOf(file: string): Map<string, Record<string, string>> {
  const { configMapGenerator } = Generators.parse(readYamlFile(file)[0]);
  return new Map(
    configMapGenerator.map(({ name, literals }) => [
      name,
      Object.fromEntries(
        literals.map((literal) => [literal.slice(0, literal.indexOf("=")), literal.slice(literal.indexOf("=") + 1)]),
      ),
    ]),
  );
}
