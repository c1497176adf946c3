import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseYaml, StartError } from "@parley/runtime";
import { faultsOf, TreeFile, type Tree } from "./tree.ts";

const shipped = fileURLToPath(new URL("../../../../../config/diagnosis", import.meta.url));
const FILE = /^([a-z][a-z0-9-]{0,39})\.ya?ml$/;
const mostTrees = 100;

export type ParsedTree =
  | { readonly ok: true; readonly tree: Tree }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads a tree. Problems are values, each with file and line. */
export function parseTree(id: string, { file, text }: { readonly file: string; readonly text: string }): ParsedTree {
  const parsed = parseYaml({ file, text }, TreeFile);
  if (!parsed.ok) return parsed;
  const problems = faultsOf(parsed.value, parsed.placeOf);
  const [first = ""] = Object.keys(parsed.value.nodes);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, tree: { ...parsed.value, id, first } };
}

/** Every `*.yaml` of the folder that is named, or of the shipped one if it is there. Throws one StartError with all mistakes of all files. */
export async function loadTrees(named: string | undefined): Promise<Tree[]> {
  const folder = named ?? shipped;
  if (named === undefined && !existsSync(folder)) return [];
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new StartError(`The folder of the diagnostic trees, ${folder}, cannot be read.`, { cause });
  });
  const files = names.filter((name) => /\.ya?ml$/.test(name)).toSorted();
  const parsed: ParsedTree[] = [];
  for (const name of files.slice(0, mostTrees)) {
    const file = path.join(folder, name);
    const [, id] = FILE.exec(name) ?? [];
    if (id === undefined)
      parsed.push({ ok: false, problems: [`${file}: its name must be of lower-case letters, digits and '-'`] });
    else parsed.push(parseTree(id, { file, text: await readFile(file, "utf8") }));
  }
  const tooMany = files.length > mostTrees ? [`${folder}: there are more than ${mostTrees} trees`] : [];
  const problems = [...parsed.flatMap((one) => (one.ok ? [] : one.problems)), ...tooMany];
  if (problems.length > 0)
    throw new StartError(["The diagnostic trees cannot be used:", ...problems.map((one) => `  - ${one}`)].join("\n"));
  return parsed.flatMap((one) => (one.ok ? one.tree : []));
}
