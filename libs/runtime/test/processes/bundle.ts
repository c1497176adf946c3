import path from "node:path";
import { fileURLToPath } from "node:url";
import { tempDir } from "@parley/testkit";
import { build } from "vite";

/**
 * A program with all it imports as one file that Node itself loads. To compile its modules anew in each process takes four
 * times what the process does.
 */
export async function bundleProgram(source: URL): Promise<{ file: string; [Symbol.asyncDispose](): Promise<void> }> {
  const folder = await tempDir();
  const entry = fileURLToPath(source);
  await build({
    configFile: false,
    logLevel: "error",
    ssr: { noExternal: true, resolve: { conditions: ["source", "node"] } },
    build: { ssr: entry, outDir: folder.path, emptyOutDir: false, minify: false },
  });
  const file = path.join(folder.path, `${path.basename(entry, ".ts")}.js`);
  return { file, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}
