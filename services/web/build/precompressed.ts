import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin } from "vite";

const toGzip = promisify(gzip);
const toBrotli = promisify(brotliCompress);

/** What is smaller fits one packet either way. */
const minBytes = 1_024;

/**
 * Puts `x.br` and `x.gz` beside each text of the build, as small as they get: the edge sends them as they are, and compresses nothing while it starts
 * or serves.
 */
export function precompressed(): Plugin {
  let folder = "";
  return {
    name: "precompressed",
    apply: "build",
    configResolved({ root, build }) {
      folder = path.resolve(root, build.outDir);
    },
    // After all files are there, also those that are copied from `public`.
    async closeBundle() {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const texts = entries.filter((entry) => entry.isFile() && /\.(?:html|css|js|svg)$/.test(entry.name));
      await Promise.all(texts.map(({ parentPath, name }) => compress(path.join(parentPath, name))));
    },
  };
}

async function compress(file: string): Promise<void> {
  const text = await readFile(file);
  if (text.length < minBytes) return;
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: text.length };
  await Promise.all([
    writeFile(`${file}.gz`, await toGzip(text, { level: 9 })),
    writeFile(`${file}.br`, await toBrotli(text, { params })),
  ]);
}
