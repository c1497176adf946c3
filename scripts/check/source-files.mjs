import { readdirSync } from "node:fs";
import { join, relative } from "node:path";

const FOLDERS = ["libs", "services", "loadtest", "test", "scripts"];
const NOT_OURS = new Set(["node_modules", "dist", "results", "artefacts"]);
const SOURCE = /\.(ts|tsx|mts|js|mjs)$/;

/** The paths of all source files below `root`, relative to it, with forward slashes. */
export function listSourceFiles(root) {
  return FOLDERS.flatMap((folder) => walk(join(root, folder))).map((path) => relative(root, path));
}

function walk(folder) {
  return readFolder(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) || entry.name.startsWith(".") ? [] : walk(path);
    return SOURCE.test(entry.name) ? [path] : [];
  });
}

function readFolder(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}
