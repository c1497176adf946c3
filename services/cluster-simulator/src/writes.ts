import { z } from "zod";
import { ApiStatus, badRequest, notFound } from "./api-status.ts";
import { type Cluster, type ClusterView, metadataOf, type Owner, type TemplateChange } from "./cluster.ts";
import { podObject } from "./pod-objects.ts";
import { deploymentObject } from "./workload-objects.ts";

const MAX_REPLICAS = 50;

export type Target = { namespace: string; name: string };
export type WriteOptions = { dryRun: boolean };

const replicas = z.number().int().min(0);
const scaleBody = z.object({
  metadata: z.object({ resourceVersion: z.string().optional() }).optional(),
  spec: z.object({ replicas }),
});
const template = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).optional() }).optional(),
  spec: z.object({ containers: z.array(z.object({ name: z.string(), image: z.string().optional() })) }).optional(),
});
const deploymentPatch = z.object({
  metadata: z.object({ resourceVersion: z.string().optional() }).optional(),
  spec: z.strictObject({ replicas: replicas.optional(), template: template.optional() }).optional(),
});

/** The few changes that people make in anger: scale, restart, another image, delete a pod. All else is refused. */
export function createWrites(cluster: Cluster) {
  return {
    scaleOf(target: Target) {
      const view = cluster.view();
      return scaleObject(findDeployment(view, target), view);
    },
    scale(target: Target, body: unknown, options: WriteOptions) {
      const { spec, metadata } = parse(scaleBody, body);
      const { owner } = precondition(cluster.view(), target, metadata?.resourceVersion);
      checkReplicas(spec.replicas, target);
      if (!options.dryRun) cluster.scale(owner, spec.replicas);
      return scaleObject(options.dryRun ? { ...owner, replicas: spec.replicas } : owner, cluster.view());
    },
    patchDeployment(target: Target, body: unknown, options: WriteOptions) {
      const { spec, metadata } = parse(deploymentPatch, body);
      const { owner } = precondition(cluster.view(), target, metadata?.resourceVersion);
      const change = templateChange(owner, spec?.template);
      if (spec?.replicas !== undefined) checkReplicas(spec.replicas, target);
      if (options.dryRun) return deploymentObject(planned(owner, spec?.replicas, change), cluster.view());
      if (spec?.replicas !== undefined) cluster.scale(owner, spec.replicas);
      if (change !== undefined) cluster.rollOut(owner, change);
      return deploymentObject(owner, cluster.view());
    },
    deletePod({ namespace, name }: Target, options: WriteOptions) {
      const view = cluster.view();
      const pod = view.pods.find((record) => record.name === name && record.owner.workload.namespace === namespace);
      if (pod === undefined) throw notFound("pods", "", name);
      const object = podObject(pod, view);
      if (!options.dryRun) cluster.deletePod(pod);
      return object;
    },
  };
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badRequest(`the simulated cluster cannot apply this: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
}

function findDeployment(view: ClusterView, { namespace, name }: Target): Owner {
  const found = view.owners.find(
    ({ workload }) => workload.kind === "Deployment" && workload.namespace === namespace && workload.name === name,
  );
  if (found === undefined) throw notFound("deployments", "apps", name);
  return found;
}

/** A caller that names the version it has seen must not change anything newer. */
function precondition(view: ClusterView, target: Target, seenVersion: string | undefined): { owner: Owner } {
  const owner = findDeployment(view, target);
  const current = deploymentObject(owner, view).metadata.resourceVersion;
  if (seenVersion === undefined || seenVersion === current) return { owner };
  const message = `Operation cannot be fulfilled on deployments.apps "${target.name}": the object has been modified; please apply your changes to the latest version and try again`;
  throw new ApiStatus(409, "Conflict", message, { name: target.name, group: "apps", kind: "deployments" });
}

function checkReplicas(count: number, { name }: Target): void {
  if (count <= MAX_REPLICAS) return;
  throw new ApiStatus(
    422,
    "Invalid",
    `Deployment.apps "${name}" is invalid: spec.replicas: the simulated cluster allows at most ${MAX_REPLICAS}`,
  );
}

function templateChange(owner: Owner, change: z.infer<typeof template> | undefined): TemplateChange | undefined {
  if (change === undefined) return undefined;
  const names = new Set(owner.workload.containers.map(({ name }) => name));
  const images = (change.spec?.containers ?? []).flatMap(({ name, image }) => {
    if (!names.has(name)) throw badRequest(`the simulated cluster adds no containers: ${name}`);
    return image === undefined ? [] : [[name, image] as const];
  });
  return { annotations: change.metadata?.annotations ?? {}, images: Object.fromEntries(images) };
}

function planned(owner: Owner, count: number | undefined, change: TemplateChange | undefined): Owner {
  return {
    ...owner,
    replicas: count ?? owner.replicas,
    images: { ...owner.images, ...change?.images },
    templateAnnotations: { ...owner.templateAnnotations, ...change?.annotations },
  };
}

function scaleObject(owner: Owner, view: ClusterView) {
  const { workload, uid, createdMs } = owner;
  // Whoever writes the scale back names this version, so it has to be that of the deployment.
  const { resourceVersion } = deploymentObject(owner, view).metadata;
  const metadata = metadataOf(view, { name: workload.name, namespace: workload.namespace, uid, createdMs });
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { ...metadata, resourceVersion },
    spec: { replicas: owner.replicas },
    status: { replicas: view.pods.filter((pod) => pod.owner.uid === uid).length, selector: `app=${workload.name}` },
  };
}
