import type { JsonObject } from "../json.ts";
import type { KubeObject } from "../kube-object.ts";
import type { ResourceKind } from "../store/resource-kind.ts";

/** Whether a client prefers a table, as `kubectl` does. */
export function wantsTable(accept: string): boolean {
  const first = accept.split(",")[0] ?? "";
  return first.includes("as=Table") && first.includes("g=meta.k8s.io");
}

export type TableShape = { kind: ResourceKind; nowMs: number; includeObject: string | null };

export function tableBody(shape: TableShape, objects: readonly KubeObject[], metadata: JsonObject): JsonObject {
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: shape.kind.columns.map(({ name, wide }) => ({
      name,
      type: "string",
      format: name === "Name" ? "name" : "",
      description: "",
      priority: wide === true ? 1 : 0,
    })),
    rows: objects.map((object) => ({
      cells: shape.kind.columns.map((column) => column.cell(object, shape.nowMs)),
      ...rowObject(object, shape.includeObject),
    })),
  };
}

function rowObject(object: KubeObject, included: string | null): JsonObject {
  if (included === "None") return {};
  if (included === "Object") return { object };
  return { object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata } };
}
