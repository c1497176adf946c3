import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { expect, test } from "vitest";

const entry = fileURLToPath(new URL("../src/fold.ts", import.meta.url));

/** What a browser loads that imports `@parley/protocol/fold`. */
async function bundle(): Promise<{ code: string; modules: readonly string[] }> {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    build: { write: false, minify: true, lib: { entry, formats: ["es"], fileName: "fold" } },
  });
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) => ("output" in one ? one.output : []));
  const chunks = outputs.filter((output) => output.type === "chunk");
  return {
    code: chunks.map(({ code }) => code).join("\n"),
    modules: chunks.flatMap(({ moduleIds }) => moduleIds),
  };
}

test("the fold for browsers has no schema in it, and is a few kilobytes", { timeout: 60_000 }, async () => {
  const { code, modules } = await bundle();
  expect(modules.filter((id) => id.includes("node_modules"))).toEqual([]);
  expect(modules.some((id) => id.endsWith("/parts-fold.ts"))).toBe(true);
  expect(code).not.toMatch(/zod|safeParse/i);
  expect(Buffer.byteLength(code)).toBeLessThan(29 * 1024);
  expect(gzipSync(code).length).toBeLessThan(9.5 * 1024);
});
