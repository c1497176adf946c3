import type { Cause } from "../api-status.ts";
import { isObject, type Json, type JsonObject, listAt, numberAt, objectAt, setDefault, textAt } from "../json.ts";
import { type KubeObject, labelsOf, matchesSelector } from "../kube-object.ts";
import type { Draft } from "../store/resource-kind.ts";
import { immutable, invalidValue, required } from "./name-problems.ts";
import { addPodDefaults, podProblems } from "./pod-template.ts";

/** The template's spec of a draft, for defaults: the draft is ours to change. */
function templateSpec(draft: JsonObject, path: readonly string[]): JsonObject | undefined {
  let current: Json | undefined = draft;
  for (const step of path) current = isObject(current) ? current[step] : undefined;
  return isObject(current) ? current : undefined;
}

export function addTemplateDefaults(draft: Draft, path: readonly string[] = ["spec", "template", "spec"]): void {
  const spec = templateSpec(draft, path);
  if (spec !== undefined) addPodDefaults(spec);
}

export function addDeploymentDefaults(draft: Draft): void {
  if (!isObject(draft["spec"])) return;
  setDefault(draft, ["spec", "replicas"], 1);
  setDefault(draft, ["spec", "revisionHistoryLimit"], 10);
  setDefault(draft, ["spec", "progressDeadlineSeconds"], 600);
  setDefault(draft, ["spec", "strategy", "type"], "RollingUpdate");
  const strategy = objectAt(draft, "spec", "strategy");
  if (strategy["type"] === "RollingUpdate") {
    setDefault(draft, ["spec", "strategy", "rollingUpdate", "maxUnavailable"], "25%");
    setDefault(draft, ["spec", "strategy", "rollingUpdate", "maxSurge"], "25%");
  }
  addTemplateDefaults(draft);
}

export function addStatefulSetDefaults(draft: Draft): void {
  if (!isObject(draft["spec"])) return;
  setDefault(draft, ["spec", "replicas"], 1);
  setDefault(draft, ["spec", "revisionHistoryLimit"], 10);
  setDefault(draft, ["spec", "podManagementPolicy"], "OrderedReady");
  setDefault(draft, ["spec", "updateStrategy"], { type: "RollingUpdate", rollingUpdate: { partition: 0 } });
  setDefault(draft, ["spec", "persistentVolumeClaimRetentionPolicy"], { whenDeleted: "Retain", whenScaled: "Retain" });
  addTemplateDefaults(draft);
}

export function addDaemonSetDefaults(draft: Draft): void {
  if (!isObject(draft["spec"])) return;
  setDefault(draft, ["spec", "revisionHistoryLimit"], 10);
  setDefault(draft, ["spec", "updateStrategy"], {
    type: "RollingUpdate",
    rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
  });
  addTemplateDefaults(draft);
}

export function addReplicaSetDefaults(draft: Draft): void {
  if (!isObject(draft["spec"])) return;
  setDefault(draft, ["spec", "replicas"], 1);
  addTemplateDefaults(draft);
}

/** What holds for all that make pods from a template by a selector. */
export function workloadProblems(draft: Draft, before: KubeObject | undefined): Cause[] {
  const spec = objectAt(draft, "spec");
  if (!isObject(spec["selector"]) || !isObject(spec["template"])) return [];
  const replicas = numberAt(spec, "replicas") ?? 0;
  const selector = objectAt(spec, "selector");
  const isEmpty =
    Object.keys(objectAt(selector, "matchLabels")).length === 0 && selector["matchExpressions"] === undefined;
  const labels = labelsOf(objectAt(spec, "template"));
  return [
    ...(replicas < 0 ? [invalidValue("spec.replicas", replicas, "must be greater than or equal to 0")] : []),
    ...(isEmpty ? [required("spec.selector")] : []),
    ...(matchesSelector(selector, labels)
      ? []
      : [invalidValue("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")]),
    ...immutable(draft, before, ["spec", "selector"]),
    ...podProblems(withClaims(spec), "spec.template.spec", ["Always"]),
  ];
}

/** The pods of a StatefulSet mount its claims as well, which get a volume of their name. */
function withClaims(spec: JsonObject): JsonObject {
  const pod = objectAt(spec, "template", "spec");
  const claims = listAt(spec, "volumeClaimTemplates").map((claim) => ({
    name: textAt(claim, "metadata", "name") ?? "",
  }));
  return claims.length === 0 ? pod : { ...pod, volumes: [...listAt(pod, "volumes"), ...claims] };
}

/** Of a StatefulSet, only a few fields may be changed. */
export function statefulSetProblems(draft: Draft, before: KubeObject | undefined): Cause[] {
  const frozen = ["serviceName", "volumeClaimTemplates", "podManagementPolicy"];
  const changed = frozen.flatMap((field) => immutable(draft, before, ["spec", field]));
  if (changed.length === 0) return workloadProblems(draft, before);
  const message =
    "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
  return [{ reason: "FieldValueForbidden", message, field: "spec" }];
}
