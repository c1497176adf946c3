import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseYaml, StartError } from "@parley/runtime";
import { z } from "zod";
import { ModelRule } from "./model-rules.ts";

const ModelsFile = z.strictObject({ models: z.array(ModelRule).max(500) });

const shipped = fileURLToPath(new URL("../../../../config/models.yaml", import.meta.url));

/** The rules of a `models.yaml`; of the shipped one, if no other is named and it is there. Throws a StartError that names every problem with file and line. */
export async function loadModelRules(named?: string): Promise<ModelRule[]> {
  const file = named ?? shipped;
  if (named === undefined && !existsSync(file)) return [];
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new StartError(`The file of the models, ${file}, cannot be read.`, { cause });
  });
  const parsed = parseYaml({ file, text }, ModelsFile);
  if (parsed.ok) return parsed.value.models;
  throw new StartError(
    ["The models cannot be used:", ...parsed.problems.map((problem) => `  - ${problem}`)].join("\n"),
  );
}
