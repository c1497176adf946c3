import { groupBy } from "../grouping.ts";
import { findAutoscalers, findBlockingBudgets, findQuotas, findUnboundClaims } from "./capacity-rules.ts";
import { findConfigErrors, findCrashLoops, findImagePulls, findOutOfMemory } from "./container-rules.ts";
import { findDeprecatedApis } from "./deprecated-rules.ts";
import { listed, nameOf, severities, type Finding } from "./finding.ts";
import { findEvicted, findFailingProbes, findPending } from "./pod-rules.ts";
import { findPrivileged } from "./security-rules.ts";
import {
  findIngressBackends,
  findSelectorMismatches,
  findServicesWithoutEndpoints,
  findUnfilledServices,
} from "./service-rules.ts";
import type { ListName, Snapshot } from "./snapshot.ts";
import { findFailedCreates, findFailedJobs, findNodes, findStuckRollouts } from "./workload-rules.ts";

export const checks = [
  ...(["crashloop", "oom", "imagepull", "config", "pending", "probes", "evicted"] as const),
  ...(["endpoints", "selector", "ingress", "pvc", "quota", "hpa", "pdb"] as const),
  ...(["rollout", "jobs", "nodes", "deprecated", "privileged"] as const),
] as const;
export type Check = (typeof checks)[number];

interface Rule {
  readonly check: Check;
  /** Without one of these nothing can be said. */
  readonly needs: readonly ListName[];
  /** These make its findings better: causes, and by which workload a pod is known. */
  readonly also?: readonly ListName[];
  /** Pure: the same snapshot gives the same findings. */
  find(snapshot: Snapshot): readonly Finding[];
}

const owners: readonly ListName[] = ["replicaSets", "jobs"];
const workloads: readonly ListName[] = ["deployments", "statefulSets", "daemonSets"];
const written: readonly ListName[] = ["cronJobs", "ingresses", "autoscalers", "budgets"];

export const rules: readonly Rule[] = [
  { check: "crashloop", needs: ["pods"], also: owners, find: findCrashLoops },
  { check: "oom", needs: ["pods"], also: owners, find: findOutOfMemory },
  { check: "imagepull", needs: ["pods"], also: [...owners, "events"], find: findImagePulls },
  { check: "config", needs: ["pods"], also: owners, find: findConfigErrors },
  { check: "pending", needs: ["pods"], also: [...owners, "events"], find: findPending },
  { check: "probes", needs: ["pods"], also: [...owners, "events"], find: findFailingProbes },
  { check: "evicted", needs: ["pods"], also: owners, find: findEvicted },
  // Without the workloads a Service would be said to select nothing that is only scaled to 0.
  { check: "endpoints", needs: ["services", "pods", ...workloads], find: findServicesWithoutEndpoints },
  { check: "endpoints", needs: ["services", "endpointSlices"], find: findUnfilledServices },
  { check: "selector", needs: ["services", "pods", ...workloads], find: findSelectorMismatches },
  { check: "ingress", needs: ["ingresses", "services"], find: findIngressBackends },
  { check: "pvc", needs: ["claims"], also: ["pods", "events"], find: findUnboundClaims },
  { check: "quota", needs: ["quotas"], also: ["events"], find: findQuotas },
  { check: "hpa", needs: ["autoscalers"], find: findAutoscalers },
  { check: "pdb", needs: ["budgets"], find: findBlockingBudgets },
  { check: "rollout", needs: ["deployments"], find: findStuckRollouts },
  { check: "rollout", needs: ["statefulSets", "daemonSets", "events"], find: findFailedCreates },
  { check: "jobs", needs: ["jobs"], find: findFailedJobs },
  { check: "nodes", needs: ["nodes"], find: findNodes },
  { check: "deprecated", needs: ["deployments"], also: [...written, ...workloads], find: findDeprecatedApis },
  { check: "privileged", needs: ["pods"], also: owners, find: findPrivileged },
];

/** All lists that some checks look at. */
export function listsFor(only: readonly Check[]): ReadonlySet<ListName> {
  return new Set(
    rules.filter(({ check }) => only.includes(check)).flatMap(({ needs, also = [] }) => [...needs, ...also]),
  );
}

export interface NamedFinding extends Finding {
  readonly check: Check;
}

/** A check that could not be made, or only some of whose rules could. */
export interface NotChecked {
  readonly check: Check;
  readonly isPart: boolean;
}

/** Applies the rules of some checks, the worst first. */
export function findAll(
  snapshot: Snapshot,
  { only, missing }: { only: readonly Check[]; missing: ReadonlySet<ListName> },
): { findings: NamedFinding[]; notChecked: NotChecked[] } {
  const [possible, impossible] = partition(
    rules.filter(({ check }) => only.includes(check)),
    ({ needs }) => !needs.some((list) => missing.has(list)),
  );
  const findings = possible.flatMap(({ check, find }) => joinAlike(find(snapshot)).map((one) => ({ check, ...one })));
  return {
    findings: findings.toSorted((one, other) => rank(one) - rank(other)),
    notChecked: [...new Set(impossible.map(({ check }) => check))].map((check) => ({
      check,
      isPart: possible.some((rule) => rule.check === check),
    })),
  };
}

function rank({ severity }: Finding): number {
  return severities.indexOf(severity);
}

function partition<T>(all: readonly T[], holds: (one: T) => boolean): [T[], T[]] {
  return [all.filter(holds), all.filter((one) => !holds(one))];
}

/** Ten pods of one workload with one fault are one finding. */
function joinAlike(findings: readonly Finding[]): Finding[] {
  const groups = groupBy(findings, ({ alike, severity }, index) =>
    alike === undefined ? `#${index}` : `${alike} ${severity}`,
  );
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    if (others.length === 0) return [first];
    const names = others.map(({ object }) => nameOf(object));
    return [{ ...first, evidence: `${first.evidence}. The same of ${others.length} more: ${listed(names)}` }];
  });
}
