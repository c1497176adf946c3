import type { ClusterView } from "./cluster.ts";
import { humanDuration } from "./durations.ts";
import type { KubeObject } from "./kube-types.ts";
import type { Column } from "./resource-kind.ts";

export const NAME: Column<KubeObject> = { name: "Name", cell: ({ metadata }) => metadata.name };
export const AGE: Column<KubeObject> = {
  name: "Age",
  cell: ({ metadata }, view) => ageOf(metadata.creationTimestamp, view),
};

export function ageOf(time: string, view: ClusterView): string {
  return humanDuration(view.nowMs - Date.parse(time));
}

export function pairs(labels: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(labels ?? {});
  return entries.length === 0 ? "<none>" : entries.map(([key, value]) => `${key}=${value}`).join(",");
}
