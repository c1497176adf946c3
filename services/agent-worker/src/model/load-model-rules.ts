import { readFile } from "node:fs/promises";
import { StartError } from "@parley/runtime";
import { z } from "zod";
import { parseYaml } from "../yaml-file.ts";
import { ModelRule } from "./model-rules.ts";

const ModelsFile = z.strictObject({ models: z.array(ModelRule).max(500) });

/** The rules of a `models.yaml`. Throws a StartError that names every problem with file and line. */
export async function loadModelRules(file: string): Promise<ModelRule[]> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new StartError(`The file of the models, ${file}, cannot be read.`, { cause });
  });
  const parsed = parseYaml({ file, text }, ModelsFile);
  if (parsed.ok) return parsed.value.models;
  throw new StartError(
    ["The models cannot be used:", ...parsed.problems.map((problem) => `  - ${problem}`)].join("\n"),
  );
}
