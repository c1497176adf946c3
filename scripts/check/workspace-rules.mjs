import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SCOPE = "@parley/";

/** What each library may depend on; the arrows of docs/architecture.md. */
const LIBRARY_IMPORTS = {
  protocol: [],
  runtime: ["protocol"],
  bus: ["protocol", "runtime"],
  dialects: ["protocol"],
  client: ["protocol"],
  react: ["protocol", "client"],
  testkit: ["protocol", "runtime", "bus", "client"],
};
/** Dialects are what sockets speak: only the edge has any. */
const SERVICE_IMPORTS = { edge: ["protocol", "dialects", "runtime", "bus"], web: ["protocol", "client", "react"] };
const OTHER_SERVICE_IMPORTS = ["protocol", "runtime", "bus"];

/** Checks the manifests: the direction of dependencies, and that nobody can import a service. */
export function findWorkspaceProblems(root) {
  return listWorkspaces(root).flatMap((path) => workspaceProblems(root, path));
}

/** The folders of all workspaces, relative to `root`. */
export function listWorkspaces(root) {
  return ["libs", "services"].flatMap((folder) => {
    const names = existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : [];
    return names.map((name) => `${folder}/${name}`).filter((path) => existsSync(join(root, path, "package.json")));
  });
}

function workspaceProblems(root, path) {
  const [folder, name] = path.split("/");
  const manifest = readJson(join(root, path, "package.json"));
  const ours = Object.keys(manifest.dependencies ?? {})
    .filter((dependency) => dependency.startsWith(SCOPE))
    .map((dependency) => dependency.slice(SCOPE.length));
  return [
    ...directionProblems(path, ours, allowedImports(folder, name)),
    ...(folder === "services" ? exportProblems(path, manifest) : []),
  ];
}

function allowedImports(folder, name) {
  if (folder === "libs") return LIBRARY_IMPORTS[name] ?? [];
  return SERVICE_IMPORTS[name] ?? OTHER_SERVICE_IMPORTS;
}

function directionProblems(path, ours, allowed) {
  return ours
    .filter((dependency) => !allowed.includes(dependency))
    .map((dependency) => `${path}/package.json  direction: ${path} may not depend on ${dependency}`);
}

/** A service without entry points cannot be imported: the compiler itself refuses it. */
function exportProblems(path, manifest) {
  return ["exports", "main", "module", "types"]
    .filter((field) => field in manifest)
    .map((field) => `${path}/package.json  service-export: a service has no "${field}"`);
}

function readJson(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}
