import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseYaml, StartError, type Environment } from "@parley/runtime";
import { ModelsFile, noModelTable, toModelTable, type ModelTable } from "./model-table.ts";

const shipped = fileURLToPath(new URL("../../../../config/models.yaml", import.meta.url));

/** A `models.yaml`; the shipped one, if no other is named and it is there. Throws a StartError that names every problem with file and line, also a key that the environment does not have. */
export async function loadModelTable(named: string | undefined, env: Environment): Promise<ModelTable> {
  const file = named ?? shipped;
  if (named === undefined && !existsSync(file)) return noModelTable;
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new StartError(`The file of the models, ${file}, cannot be read.`, { cause });
  });
  const parsed = parseYaml({ file, text }, ModelsFile);
  if (!parsed.ok) throw unusable(parsed.problems);
  const problems: string[] = [];
  const table = toModelTable(parsed.value, (path, variable) => {
    const value = env[variable];
    if (value !== undefined && value !== "") return value;
    problems.push(`${parsed.placeOf(path)}: the environment has no ${variable}`);
    return "";
  });
  if (problems.length > 0) throw unusable(problems);
  return table;
}

function unusable(problems: readonly string[]): StartError {
  return new StartError(["The models cannot be used:", ...problems.map((problem) => `  - ${problem}`)].join("\n"));
}
