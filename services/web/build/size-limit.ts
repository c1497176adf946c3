import { gzipSync } from "node:zlib";
import type { Plugin, Rollup } from "vite";

interface SizeLimit {
  /** What is measured, for the line that says it. */
  readonly what: string;
  /** Together, as gzip makes them. */
  readonly maxBytes: number;
  /** Names of chunks that are always loaded, though later. */
  readonly also?: readonly string[];
}

/**
 * Fails the build when what is loaded first has become too large: the HTML, the entry, all that it imports, and their styles. In the build because nothing else sees
 * every change before it is served.
 */
export function sizeLimit({ what, maxBytes, also = [] }: SizeLimit): Plugin {
  return {
    name: "size-limit",
    apply: "build",
    enforce: "post",
    generateBundle: {
      // When the HTML is there, too.
      order: "post",
      handler(_options, bundle) {
        const sizeBytes = firstFiles(bundle, also).reduce((sum, file) => sum + gzippedBytes(bundle[file]), 0);
        const line = `${what}: ${kilobytes(sizeBytes)} of ${kilobytes(maxBytes)} KB as gzip makes it`;
        if (sizeBytes > maxBytes) this.error(`${line}. Load what is not needed at once later, by import().`);
        this.info(line);
      },
    },
  };
}

/** The names of the files that are loaded first. */
export function firstFiles(bundle: Rollup.OutputBundle, also: readonly string[] = []): readonly string[] {
  const outputs = Object.values(bundle);
  const files = new Set(outputs.filter(({ fileName }) => fileName.endsWith(".html")).map(({ fileName }) => fileName));
  const first = outputs.filter((output) => output.type === "chunk" && (output.isEntry || also.includes(output.name)));
  const open = first.map(({ fileName }) => fileName);
  for (const fileName of open) {
    const output = bundle[fileName];
    if (files.has(fileName) || output?.type !== "chunk") continue;
    files.add(fileName);
    for (const style of output.viteMetadata?.importedCss ?? []) files.add(style);
    open.push(...output.imports);
  }
  return [...files];
}

function gzippedBytes(output: Rollup.OutputBundle[string] | undefined): number {
  if (output === undefined) return 0;
  return gzipSync(output.type === "chunk" ? output.code : output.source, { level: 9 }).length;
}

function kilobytes(sizeBytes: number): string {
  return (sizeBytes / 1024).toFixed(1);
}
