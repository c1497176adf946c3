import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { expect, test } from "vitest";

/** What a page loads that imports this entry. */
async function bundle(entry: string): Promise<{ code: string; modules: readonly string[] }> {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    resolve: { conditions: ["source"] },
    build: {
      write: false,
      target: "es2023",
      rolldownOptions: { output: { minify: true, comments: false } },
      lib: { entry: fileURLToPath(new URL(`../src/${entry}`, import.meta.url)), formats: ["es"], fileName: "bundle" },
    },
  });
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) => ("output" in one ? one.output : []));
  const chunks = outputs.filter((output) => output.type === "chunk");
  return { code: chunks.map(({ code }) => code).join("\n"), modules: chunks.flatMap(({ moduleIds }) => moduleIds) };
}

test.each([
  // `createClient` alone: the selectors are left out.
  ["client.ts", 13.5],
  ["index.ts", 14.75],
  ["queue.ts", 1.75],
  ["rooms/index.ts", 3.25],
  ["files/index.ts", 3],
  ["indexed-db.ts", 1.5],
])(
  "what a page loads of %s has no schema in it, and is at most %s KB gzipped",
  { timeout: 60_000 },
  async (entry, most) => {
    const { code, modules } = await bundle(entry);
    expect(modules.filter((id) => id.includes("node_modules"))).toEqual([]);
    expect(code).not.toMatch(/zod|safeParse|^import/i);
    expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(most * 1024);
  },
);
