import { writeFile } from "node:fs/promises";
import path from "node:path";
import { tempDir } from "@parley/testkit";

/** A `models.yaml` with that content, for `MODELS_FILE`. JSON is YAML. */
export async function modelsFile(content: object) {
  const dir = await tempDir();
  const file = path.join(dir.path, "models.yaml");
  await writeFile(file, JSON.stringify(content));
  return { env: { MODELS_FILE: file }, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}
