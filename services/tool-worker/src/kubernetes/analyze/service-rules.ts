import type { Ingress, Service, Workload } from "../cluster-objects.ts";
import type { Pod } from "../pod-objects.ts";
import { summarise } from "../pod-status.ts";
import { listed, quote, refOf, type Finding } from "./finding.ts";
import { isAt, isLive, isReady, selects } from "./relations.ts";
import type { Snapshot } from "./snapshot.ts";

function podsOf({ metadata, spec }: Service, { pods }: Pick<Snapshot, "pods">): Pod[] {
  return pods.filter(
    (pod) =>
      pod.metadata.namespace === metadata.namespace && selects(spec.selector, pod.metadata.labels) && isLive(pod),
  );
}

function hasSelector({ spec }: Service): boolean {
  return spec.type !== "ExternalName" && Object.keys(spec.selector ?? {}).length > 0;
}

function templatesOf({ deployments, statefulSets, daemonSets }: Snapshot, namespace: string | undefined) {
  const all = [
    ...deployments.map((workload) => ["Deployment", workload] as const),
    ...statefulSets.map((workload) => ["StatefulSet", workload] as const),
    ...daemonSets.map((workload) => ["DaemonSet", workload] as const),
  ];
  return all.filter(([, { metadata }]) => metadata.namespace === namespace);
}

function labelsOf({ spec }: Workload): Readonly<Record<string, string>> {
  return spec.template?.metadata?.labels ?? {};
}

/** Services whose selector no pod and no workload's template answers to. */
export function findSelectorMismatches(snapshot: Snapshot): Finding[] {
  return snapshot.services.flatMap((service) => {
    const { metadata, spec } = service;
    if (!hasSelector(service) || podsOf(service, snapshot).length > 0) return [];
    const templates = templatesOf(snapshot, metadata.namespace);
    // Such a workload has no pods now: that is the other rule's business.
    if (templates.some(([, workload]) => selects(spec.selector, labelsOf(workload)))) return [];
    return [
      {
        severity: "critical",
        object: refOf("Service", metadata),
        evidence: `its selector ${pairs(spec.selector)} matches no pod and no workload in its namespace`,
        suggestion: nearest(spec.selector ?? {}, templates) ?? "correct the selector, or create what it is to select",
      },
    ];
  });
}

function pairs(labels: Readonly<Record<string, string>> | undefined): string {
  return quote(
    Object.entries(labels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
  );
}

type Templates = ReturnType<typeof templatesOf>;

/** The workload that would be selected but for the fewest labels, if one shares any. */
function nearest(selector: Readonly<Record<string, string>>, templates: Templates): string | undefined {
  const wanted = Object.entries(selector);
  const candidates = templates
    .map(([kind, workload]) => {
      const labels = labelsOf(workload);
      const wrong = wanted.filter(([key, value]) => labels[key] !== value);
      // The same value under another key, or the workload's own name, says as much as a label that fits.
      const isNear =
        wrong.length < wanted.length ||
        wanted.some(([, value]) => value === workload.metadata.name || Object.values(labels).includes(value));
      return { kind, name: workload.metadata.name, labels, wrong, isNear };
    })
    .filter(({ isNear }) => isNear)
    .toSorted((one, other) => one.wrong.length - other.wrong.length);
  const [best] = candidates;
  if (best === undefined) return undefined;
  const differences = best.wrong.map(
    ([key, value]) => `${key} is ${best.labels[key] ?? "not set"} there, not ${value}`,
  );
  return `${best.kind} ${best.name} is nearest: ${quote(listed(differences))}`;
}

/** Services that select pods, none of which takes requests. */
export function findServicesWithoutEndpoints(snapshot: Snapshot): Finding[] {
  return snapshot.services.flatMap((service) => {
    if (!hasSelector(service) || service.spec.publishNotReadyAddresses === true) return [];
    const pods = podsOf(service, snapshot);
    const found = pods.length === 0 ? scaledToNothing(service, snapshot) : noneReady(service, pods);
    return found === undefined ? [] : [{ ...found, object: refOf("Service", service.metadata) }];
  });
}

function scaledToNothing({ metadata, spec }: Service, snapshot: Snapshot): Omit<Finding, "object"> | undefined {
  const found = templatesOf(snapshot, metadata.namespace).find(([, one]) => selects(spec.selector, labelsOf(one)));
  if (found === undefined) return undefined;
  const [kind, workload] = found;
  const isOff = workload.spec.replicas === 0;
  return {
    severity: isOff ? "warning" : "critical",
    evidence: `it has no endpoints: ${kind} ${workload.metadata.name} has no pods${isOff ? ", it is scaled to 0" : ""}`,
    suggestion: isOff
      ? "scale it up if it is to serve"
      : "look why it makes no pods: k8s_events for it, check quota and rollout",
  };
}

function noneReady({ spec }: Service, pods: readonly Pod[]): Omit<Finding, "object"> | undefined {
  const ready = pods.filter(isReady);
  if (ready.length === 0) {
    const names = pods.map((pod) => `${pod.metadata.name} (${summarise(pod).status})`);
    return {
      severity: "critical",
      evidence: `it has no endpoints: none of its ${pods.length} pods is ready: ${listed(names)}`,
      suggestion: "see what keeps the pods from being ready: checks crashloop, imagepull, pending and probes",
    };
  }
  // Only a name can miss: to a number requests are sent whether anybody listens there or not.
  const missing = (spec.ports ?? []).filter(
    ({ targetPort }) => typeof targetPort === "string" && !ready.some((pod) => portNames(pod).includes(targetPort)),
  );
  if (missing.length === 0) return undefined;
  const words = missing.map(({ port, targetPort }) => `${port} to ${targetPort ?? ""}`);
  return {
    severity: "critical",
    evidence: `none of its ready pods has a port of that name: ${quote(listed(words))}; they have ${quote(listed(portNames(ready[0]))) || "none with a name"}`,
    suggestion: "name the container's port as targetPort says, or use its number",
  };
}

function portNames(pod: Pod | undefined): string[] {
  return (pod?.spec.containers ?? []).flatMap(({ ports = [] }) => ports.flatMap(({ name }) => name ?? []));
}

/** Services without a selector get their endpoints from elsewhere; nobody else notices when there are none. */
export function findUnfilledServices({ services, endpointSlices }: Snapshot): Finding[] {
  return services.flatMap(({ metadata, spec }) => {
    if (spec.type === "ExternalName" || Object.keys(spec.selector ?? {}).length > 0) return [];
    const slices = endpointSlices.filter(
      (slice) =>
        slice.metadata.namespace === metadata.namespace &&
        slice.metadata.labels?.["kubernetes.io/service-name"] === metadata.name,
    );
    const ready = slices
      .flatMap(({ endpoints = [] }) => endpoints)
      .filter(({ conditions }) => conditions?.ready !== false);
    if (ready.length > 0) return [];
    return [
      {
        severity: "warning",
        object: refOf("Service", metadata),
        evidence: "it has no selector, and no endpoints were given to it",
        suggestion: "give it a selector, or EndpointSlices with the label kubernetes.io/service-name",
      },
    ];
  });
}

/** Paths of an Ingress that lead to no Service, or to a port that its Service does not have. */
export function findIngressBackends({ ingresses, services }: Snapshot): Finding[] {
  return ingresses.flatMap((ingress) =>
    backendsOf(ingress).flatMap((backend) => {
      const service = services.find(({ metadata }) =>
        isAt(metadata, { namespace: ingress.metadata.namespace, name: backend.name }),
      );
      const found = service === undefined ? withoutService(backend) : withoutPort(backend, service);
      return found === undefined ? [] : [{ ...found, object: refOf("Ingress", ingress.metadata) }];
    }),
  );
}

function withoutService({ where, name }: BackendUse): Omit<Finding, "object"> {
  return {
    severity: "critical",
    evidence: `${where} leads to Service ${name}, which does not exist`,
    suggestion: "create the Service in the Ingress's namespace, or correct its name",
  };
}

function withoutPort({ where, name, port }: BackendUse, { spec }: Service): Omit<Finding, "object"> | undefined {
  // A Service outside of the cluster has ports of its own.
  if (port === undefined || spec.type === "ExternalName") return undefined;
  const { ports = [] } = spec;
  if (ports.some((one) => one.port === port || one.name === port)) return undefined;
  const has = listed(ports.map((one) => String(one.port))) || "none";
  return {
    severity: "critical",
    evidence: `${where} leads to port ${port} of Service ${name}, which has ${has}`,
    suggestion: "correct the port of the backend",
  };
}

interface BackendUse {
  readonly where: string;
  readonly name: string;
  readonly port: number | string | undefined;
}

function backendsOf({ spec }: Ingress): BackendUse[] {
  const paths = (spec?.rules ?? []).flatMap(({ host = "*", http }) =>
    (http?.paths ?? []).map(({ path = "/", backend }) => ({ where: quote(`${host}${path}`), backend })),
  );
  return [{ where: "its default backend", backend: spec?.defaultBackend }, ...paths].flatMap(({ where, backend }) =>
    backend?.service === undefined
      ? []
      : [{ where, name: backend.service.name, port: backend.service.port?.number ?? backend.service.port?.name }],
  );
}
