import { z } from "zod";
import type { Metadata } from "../pod-objects.ts";
import { listed, quote, refOf, type Finding } from "./finding.ts";
import type { Snapshot } from "./snapshot.ts";

interface Removed {
  readonly apiVersion: string;
  /** Absent: all kinds of it. */
  readonly kind?: string;
  readonly removedIn: string;
  readonly instead: string;
}

/** https://kubernetes.io/docs/reference/using-api/deprecation-guide/, for the kinds that are looked at. The first that fits counts. */
const removedApis: readonly Removed[] = [
  { apiVersion: "extensions/v1beta1", kind: "Ingress", removedIn: "1.22", instead: "networking.k8s.io/v1" },
  { apiVersion: "extensions/v1beta1", removedIn: "1.16", instead: "apps/v1" },
  { apiVersion: "apps/v1beta1", removedIn: "1.16", instead: "apps/v1" },
  { apiVersion: "apps/v1beta2", removedIn: "1.16", instead: "apps/v1" },
  { apiVersion: "networking.k8s.io/v1beta1", removedIn: "1.22", instead: "networking.k8s.io/v1" },
  { apiVersion: "batch/v1beta1", removedIn: "1.25", instead: "batch/v1" },
  { apiVersion: "batch/v2alpha1", removedIn: "1.21", instead: "batch/v1" },
  { apiVersion: "discovery.k8s.io/v1beta1", removedIn: "1.25", instead: "discovery.k8s.io/v1" },
  { apiVersion: "policy/v1beta1", removedIn: "1.25", instead: "policy/v1" },
  { apiVersion: "autoscaling/v2beta1", removedIn: "1.25", instead: "autoscaling/v2" },
  { apiVersion: "autoscaling/v2beta2", removedIn: "1.26", instead: "autoscaling/v2" },
];

/** Objects that somebody still writes by a version of the API that newer servers do not have. */
export function findDeprecatedApis(snapshot: Snapshot): Finding[] {
  return objectsOf(snapshot).flatMap(([kind, metadata]) => {
    const uses = writersOf(metadata).flatMap(({ writer, apiVersion }) => {
      const found = removedApis.find((one) => one.apiVersion === apiVersion && (one.kind ?? kind) === kind);
      return found === undefined ? [] : [{ writer, ...found }];
    });
    const [first] = uses;
    if (first === undefined) return [];
    const words = uses.map(
      ({ writer, apiVersion, removedIn }) => `${quote(writer)} writes it as ${apiVersion}, removed in ${removedIn}`,
    );
    return [
      {
        severity: "warning" as const,
        object: refOf(kind, metadata),
        evidence: listed([...new Set(words)]),
        suggestion: `write its manifest as ${first.instead}`,
      },
    ];
  });
}

const ofKind =
  (kind: string) =>
  ({ metadata }: { metadata: Metadata }) =>
    [kind, metadata] as const;

function objectsOf(snapshot: Snapshot): (readonly [kind: string, metadata: Metadata])[] {
  return [
    ...snapshot.deployments.map(ofKind("Deployment")),
    ...snapshot.statefulSets.map(ofKind("StatefulSet")),
    ...snapshot.daemonSets.map(ofKind("DaemonSet")),
    ...snapshot.cronJobs.map(ofKind("CronJob")),
    ...snapshot.ingresses.map(ofKind("Ingress")),
    ...snapshot.autoscalers.map(ofKind("HorizontalPodAutoscaler")),
    ...snapshot.budgets.map(ofKind("PodDisruptionBudget")),
  ];
}

interface Writer {
  readonly writer: string;
  readonly apiVersion: string | undefined;
}

function writersOf({ managedFields = [], annotations }: Metadata): Writer[] {
  const applied = annotations?.["kubectl.kubernetes.io/last-applied-configuration"];
  return [
    ...managedFields.map(({ manager = "somebody", apiVersion }) => ({ writer: manager, apiVersion })),
    ...(applied === undefined ? [] : [{ writer: "kubectl apply", apiVersion: apiVersionIn(applied) }]),
  ];
}

const Manifest = z.object({ apiVersion: z.string() });

function apiVersionIn(manifest: string): string | undefined {
  try {
    return Manifest.safeParse(JSON.parse(manifest)).data?.apiVersion;
  } catch {
    // Whoever may write annotations can write anything there.
    return undefined;
  }
}
