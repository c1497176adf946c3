import { z } from "zod";
import { defineTool, ToolError, type Tool, type ToolOutput } from "../tools/tool.ts";
import { contextField, type Clusters } from "./clusters.ts";
import type { Cluster } from "./cluster.ts";
import { parsePath, valuesAt } from "./json-path.ts";
import { cleanObject, maskObject } from "./masking.ts";
import { Namespace, Selector } from "./namespace-rule.ts";
import { accessTo, apiVersionField, findPlace, kindField, placeWords, type Place } from "./object-place.ts";
import { cellText, readTables, type TablePage, type TableRow } from "./object-table.ts";
import { requireNamespace } from "./object-list.ts";
import { isSecretSetting } from "./redaction.ts";
import { plainNames, rowsOutput, textOutput } from "./shape.ts";
import { yamlText } from "./yaml-text.ts";

const maxLimit = 500;
const maxColumns = 12;
const maxContinueChars = 4_096;

const fields = {
  namespace: Namespace.optional().describe("Only this namespace. Left out: the default namespace."),
  allNamespaces: z.boolean().default(false).describe("All namespaces; namespace is then ignored."),
  labelSelector: Selector.optional().describe("For example app=shop,tier!=cache."),
  fieldSelector: Selector.optional().describe("For example metadata.name=web."),
  columns: z
    .array(z.string().min(1).max(200))
    .max(maxColumns)
    .optional()
    .describe("Columns to show beside the name: names of the table's, or paths such as .spec.nodeName."),
  output: z
    .enum(["table", "wide", "yaml", "json"])
    .default("table")
    .describe("wide: with the columns that need more room. yaml, json: whole objects, which is a lot."),
  limit: z.int().min(1).max(maxLimit).default(50).describe("Objects to show."),
  continue: z.string().max(maxContinueChars).optional().describe("Where to go on, as the result before said it."),
};
const Fields = z.strictObject(fields);
type Fields = z.output<typeof Fields>;

const argumentAliases = {
  resource_type: "kind",
  resource: "kind",
  all_namespaces: "allNamespaces",
  label_selector: "labelSelector",
  field_selector: "fieldSelector",
  output_format: "output",
};

export function createListResources(clusters: Clusters): Tool {
  const { label } = clusters.of(undefined);
  return defineTool({
    name: "k8s_list_resources",
    aliases: ["list_resources"],
    description: `Lists objects of any kind of the ${label} as a table, custom kinds too. For pods k8s_list_pods says more.`,
    input: z.strictObject({ kind: kindField, apiVersion: apiVersionField, ...fields, ...contextField(clusters) }),
    argumentAliases,
    effect: "read",
    timeoutMs: 20_000,
    access: async (input, { signal }) => {
      const cluster = clusters.of(input.context);
      return accessTo(cluster, "list", await findPlace(cluster, input, signal));
    },
    run: (input, { signal }) => list(clusters.of(input.context), input, input, signal),
  });
}

async function list(
  cluster: Cluster,
  named: { kind: string; apiVersion?: string | undefined },
  input: Fields,
  signal: AbortSignal,
): Promise<ToolOutput> {
  const { namespace, allNamespaces, labelSelector, fieldSelector, limit } = input;
  const place = await findPlace(cluster, { ...named, namespace, allNamespaces }, signal);
  const columns = columnsOf(input);
  const isWhole = isText(input) || columns.some(({ path }) => path !== undefined);
  const request = { namespace: place.namespace, labelSelector, fieldSelector, limit, isWhole };
  const page = await readTables(cluster, place.kind, { ...request, continue: input.continue, signal });
  if (page.rows.length === 0 && place.namespace !== undefined) await requireNamespace(cluster, place.namespace, signal);
  const summary = summaryOf(cluster, place, page);
  return isText(input)
    ? asText(input, place.kind.kind, { summary, page })
    : asRows(place, columns, { summary, page, isWide: input.output === "wide" });
}

function isText({ output }: Fields): boolean {
  return output === "yaml" || output === "json";
}

interface WantedColumn {
  readonly name: string;
  readonly path: ReturnType<typeof parsePath> | undefined;
}

function columnsOf({ columns = [] }: Fields): readonly WantedColumn[] {
  return columns.map((name) => ({ name, path: /^[.{$]/.test(name) ? parsePath(name) : undefined }));
}

function totalOf({ rows, next, remaining }: TablePage): { total: number; isMore: boolean } {
  const total = rows.length + (next === undefined ? 0 : (remaining ?? 0));
  return { total, isMore: next !== undefined && remaining === undefined };
}

function summaryOf(cluster: Cluster, place: Place, page: TablePage): string {
  const { total, isMore } = totalOf(page);
  const { kind } = place;
  const what = total === 1 && !isMore ? kind.singular : kind.plural;
  return `${isMore ? "More than " : ""}${total} ${what} ${placeWords(cluster, place)}.`;
}

const narrow = "namespace, labelSelector or fieldSelector";

function nextOf({ next }: TablePage): string | undefined {
  return next === undefined || !/^[\w+/=-]{1,4096}$/.test(next) ? undefined : `The next ones: continue: ${next}`;
}

function asText({ output }: Fields, kind: string, { summary, page }: Pick<Listing, "summary" | "page">): ToolOutput {
  const objects = page.rows.map(({ object }) => maskObject(cleanObject(object), kind));
  const text =
    output === "json" ? JSON.stringify(objects, undefined, 2) : objects.map((object) => yamlText(object)).join("---\n");
  const next = nextOf(page);
  return textOutput({ summary: next === undefined ? summary : `${summary} ${next}`, text, keep: "beginning", narrow });
}

interface Listing {
  readonly summary: string;
  readonly page: TablePage;
  readonly isWide: boolean;
}

function asRows(
  { kind, namespace }: Place,
  wanted: readonly WantedColumn[],
  { summary, page, isWide }: Listing,
): ToolOutput {
  const hasNamespace = kind.isNamespaced && namespace === undefined;
  const shown = wanted.length === 0 ? ofServer(page, isWide) : chosen(page, kind.kind, wanted);
  const header = shown.map(({ name }) => name.toUpperCase());
  const rows = page.rows.map((row) => [
    ...(hasNamespace ? [row.object?.metadata.namespace ?? ""] : []),
    ...shown.map(({ cell }) => cell(row)),
  ]);
  return rowsOutput({
    ...{ summary, rows, narrow, ...totalOf(page), next: nextOf(page) },
    header: hasNamespace ? ["NAMESPACE", ...header] : header,
  });
}

interface ShownColumn {
  readonly name: string;
  cell(row: TableRow): string;
}

function ofServer({ columns }: TablePage, isWide: boolean): ShownColumn[] {
  return columns.flatMap((column, at) => (column.isWide && !isWide ? [] : [columnAt(column.name, at)]));
}

/** A custom kind may show its secrets in a column. */
function columnAt(name: string, at: number): ShownColumn {
  const isSecret = isSecretSetting(name.replaceAll(" ", "-"));
  return { name, cell: ({ cells }) => (isSecret ? "[hidden]" : (cells[at] ?? "")) };
}

function chosen({ columns }: TablePage, kind: string, wanted: readonly WantedColumn[]): ShownColumn[] {
  const named = wanted.map(({ name, path }) => {
    if (path !== undefined) return { name, cell: ({ object }: TableRow) => pathText(object, kind, path) };
    const at = columns.findIndex((column) => column.name.toLowerCase() === name.toLowerCase());
    if (at !== -1) return columnAt(name, at);
    const there = plainNames(columns.map((column) => column.name)).join(", ");
    throw new ToolError(
      `There is no column ${JSON.stringify(name)}; there are ${there}. Others can be given as a path, such as .spec.nodeName.`,
    );
  });
  const first = columns.findIndex(({ name }) => name.toLowerCase() === "name");
  const hasName = wanted.some(({ name }) => name.toLowerCase() === "name");
  return hasName || first === -1 ? named : [columnAt("Name", first), ...named];
}

function pathText(object: unknown, kind: string, path: ReturnType<typeof parsePath>): string {
  return valuesAt(maskObject(object, kind), path).map(cellText).join(",");
}
