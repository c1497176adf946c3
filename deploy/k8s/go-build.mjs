import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findProgram, run } from "../../scripts/setup/commands.mjs";
import { root } from "../../scripts/setup/paths.mjs";

const DEADLINE_MS = 30 * 60_000;

/** Where a program that is built here is put. */
export function toolPath(name) {
  return path.join(root, ".tools", name);
}

/** Go, or undefined. */
export function findGo() {
  return findProgram(["go", "/usr/local/go/bin/go"]);
}

/**
 * Builds a command of a Go module into .tools. In a module of its own, because `go install` of a version refuses a command whose module says
 * more than its own requirements. `source` is a Go file that imports what `command` needs. Returns what went wrong, in one line, or undefined.
 */
export async function goBuild({ name, goMod, source, command, flags = "-s -w", signal, onLine }) {
  const go = findGo();
  if (go === undefined) return "There is no Go here: install it (https://go.dev/dl).";
  const folder = mkdtempSync(path.join(tmpdir(), `parley-${name}-`));
  const options = {
    cwd: folder,
    env: { ...process.env, GOFLAGS: "-mod=mod", CGO_ENABLED: "0" },
    timeoutMs: DEADLINE_MS,
    ...(signal === undefined ? {} : { signal }),
    ...(onLine === undefined ? {} : { onLine }),
  };
  try {
    writeFileSync(path.join(folder, "go.mod"), goMod);
    writeFileSync(path.join(folder, "main.go"), source);
    mkdirSync(path.dirname(toolPath(name)), { recursive: true });
    for (const args of [
      ["mod", "tidy"],
      ["build", "-trimpath", "-ldflags", flags, "-o", toolPath(name), command],
    ]) {
      const { code, output } = await run(go, args, options);
      if (code !== 0) return `go ${args[0]} failed: ${output.trimEnd().split("\n").at(-1)}`;
    }
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
