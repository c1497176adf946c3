import { z } from "zod";
import { ageOf } from "./age.ts";
import type { Cluster } from "./cluster.ts";
import { pathOf, type ResourceKind } from "./kube-api.ts";
import { KubeObject, ListMetadata, parsedAs, type ListRequest } from "./object-list.ts";
import { toDate } from "./times.ts";

export interface TableColumn {
  readonly name: string;
  /** Shown where there is more room. */
  readonly isWide: boolean;
}

export interface TableRow {
  readonly cells: readonly string[];
  readonly object: KubeObject | undefined;
}

export interface TablePage {
  readonly columns: readonly TableColumn[];
  readonly rows: readonly TableRow[];
  readonly next: string | undefined;
  /** After this page; undefined: the server does not say. */
  readonly remaining: number | undefined;
}

export interface TableRequest extends ListRequest {
  /** Whole objects beside the cells; else only their metadata. */
  readonly isWhole?: boolean;
}

const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

const TableAnswer = z.object({
  kind: z.literal("Table"),
  metadata: ListMetadata,
  columnDefinitions: z.array(z.object({ name: z.string(), priority: z.number().default(0) })),
  rows: z.array(z.object({ cells: z.array(z.unknown()), object: KubeObject.nullish().catch(undefined) })).nullish(),
});

const ListAnswer = z.object({ metadata: ListMetadata, items: z.array(KubeObject).nullish() });

/** One page of a list with the columns that the server knows for the kind; of a server that knows none, names and ages. */
async function readTable({ reader }: Cluster, kind: ResourceKind, request: TableRequest): Promise<TablePage> {
  const { namespace, labelSelector, fieldSelector, limit, isWhole = false, signal } = request;
  const includeObject = isWhole ? "Object" : "Metadata";
  const answer = await reader.json({
    path: pathOf(kind, { namespace }),
    query: { labelSelector, fieldSelector, limit, continue: request.continue, includeObject },
    accept,
    asked: { what: kind.plural, ...(namespace === undefined ? {} : { namespace }) },
    signal,
  });
  const table = TableAnswer.safeParse(answer).data;
  if (table !== undefined) return ofTable(table);
  return ofList(parsedAs(ListAnswer, answer));
}

function ofTable({ columnDefinitions, rows, metadata }: z.infer<typeof TableAnswer>): TablePage {
  return {
    columns: columnDefinitions.map(({ name, priority }) => ({ name, isWide: priority > 0 })),
    rows: (rows ?? []).map(({ cells, object }) => ({ cells: cells.map(cellText), object: object ?? undefined })),
    ...pageOf(metadata),
  };
}

function ofList({ items, metadata }: z.infer<typeof ListAnswer>): TablePage {
  const now = new Date();
  return {
    columns: ["Name", "Age"].map((name) => ({ name, isWide: false })),
    rows: (items ?? []).map((object) => {
      const { name = "", creationTimestamp } = object.metadata;
      return { cells: [name, ageOf(toDate(creationTimestamp ?? undefined), now)], object };
    }),
    ...pageOf(metadata),
  };
}

function pageOf(metadata: z.infer<typeof ListMetadata>): Pick<TablePage, "next" | "remaining"> {
  return { next: metadata.continue || undefined, remaining: metadata.remainingItemCount };
}

export function cellText(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value);
}

/** The same of all namespaces that may be read. Where these are a list there is no way to go on with the next page. */
export async function readTables(cluster: Cluster, kind: ResourceKind, request: TableRequest): Promise<TablePage> {
  const { only } = cluster.namespaces;
  if (request.namespace !== undefined || !kind.isNamespaced || only === undefined)
    return readTable(cluster, kind, request);
  let columns: readonly TableColumn[] = [];
  const rows: TableRow[] = [];
  let isPartial = false;
  for (const namespace of only) {
    const limit = request.limit - rows.length;
    if (limit <= 0) isPartial = true;
    if (limit <= 0) break;
    const page = await readTable(cluster, kind, { ...request, namespace, limit, continue: undefined });
    ({ columns } = page);
    rows.push(...page.rows);
    isPartial ||= page.next !== undefined;
  }
  return { columns, rows, next: isPartial ? "" : undefined, remaining: undefined };
}
