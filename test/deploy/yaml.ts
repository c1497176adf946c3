import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { z } from "zod";

export const root = path.resolve(import.meta.dirname, "../..");

// The parser of the library that reads YAML for all services.
const requireThere = createRequire(path.join(root, "libs/runtime/package.json"));
const Yaml = z.object({
  parseAllDocuments: z.custom<(text: string, options?: { merge: boolean }) => unknown>(
    (value) => typeof value === "function",
  ),
});
const Documents = z.array(
  z.object({
    errors: z.array(z.object({ message: z.string() })),
    toJS: z.custom<() => unknown>((value) => typeof value === "function"),
  }),
);

/** The documents of a YAML text. Throws what the first mistake is. */
export function readYaml(text: string): unknown[] {
  const { parseAllDocuments } = Yaml.parse(requireThere("yaml"));
  const found: unknown = parseAllDocuments(text, { merge: true });
  if (!Array.isArray(found)) return [];
  return Documents.parse(found.map((one: object) => one)).map((document, index) => {
    const [mistake] = document.errors;
    if (mistake !== undefined) throw new Error(mistake.message);
    // Called on the document itself: zod made a copy, which does not know its contents.
    return Documents.element.shape.toJS.parse(document.toJS).call(found[index]);
  });
}

export function readYamlFile(file: string): unknown[] {
  return readYaml(readFileSync(path.join(root, file), "utf8"));
}
