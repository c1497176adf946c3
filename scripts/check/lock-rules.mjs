import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import semver from "semver";
import { listWorkspaces } from "./workspace-rules.mjs";

// What `npm ci` needs of the lock, on systems other than this one as well. npm itself writes locks that lack it (over an
// existing node_modules it leaves out the optional packages of other systems) and then installs from them without a word
// or refuses them, depending on what is missing.
const LOCK = "package-lock.json";
const HOW = "write it with `npm install --package-lock-only` where there is no node_modules";
const MANIFEST_FIELDS = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "engines"];

/** Checks package-lock.json: complete, of these manifests, for every Node that "engines" allows, and of no registry in particular. */
export function findLockProblems(root) {
  const { packages, problem } = readLock(root);
  if (problem !== undefined) return [`${LOCK}  ${problem}`];
  const manifest = readJson(join(root, "package.json"));
  const entries = Object.entries(packages);
  return [
    ...["", ...listWorkspaces(root)].flatMap((folder) => manifestProblems(root, folder, packages)),
    ...entries.flatMap(([place, entry]) => missingProblems(place, entry, packages, manifest.overrides ?? {})),
    ...entries.flatMap(([place, entry]) => originProblems(place, entry)),
    ...entries.flatMap(([place, entry]) => engineProblems(place, entry, leastNodes(manifest))),
  ].map((text) => `${LOCK}  ${text}`);
}

function readLock(root) {
  const file = join(root, LOCK);
  if (!existsSync(file)) return { problem: `lock-missing: there is none: ${HOW}` };
  return { packages: readJson(file).packages };
}

function readJson(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

function manifestProblems(root, folder, packages) {
  const manifest = readJson(join(root, folder, "package.json"));
  const entry = packages[folder];
  const differs = MANIFEST_FIELDS.some((field) => !isDeepStrictEqual(entry?.[field] ?? {}, manifest[field] ?? {}));
  const unlinked = folder !== "" && packages[`node_modules/${manifest.name}`]?.resolved !== folder;
  const name = folder === "" ? "package.json" : `${folder}/package.json`;
  return differs || unlinked ? [`lock-manifest: ${name} is not what was locked: ${HOW}`] : [];
}

/** Where Node would find the package `name` from `place`: beside it, or in a folder above. */
function resolve(place, name, packages) {
  for (let folder = place; ; folder = folder.replace(/(^|\/)(node_modules\/)?(@[^/]+\/)?[^/]+$/, "")) {
    const candidate = packages[join(folder, "node_modules", name)];
    if (candidate !== undefined || folder === "") return candidate;
  }
}

function wantedBy(entry) {
  const optionalPeers = Object.entries(entry.peerDependenciesMeta ?? {}).filter(([, { optional }]) => optional);
  const wanted = { ...entry.peerDependencies };
  for (const [name] of optionalPeers) delete wanted[name];
  return { ...wanted, ...entry.devDependencies, ...entry.dependencies, ...entry.optionalDependencies };
}

function missingProblems(place, entry, packages, overrides) {
  return Object.entries(wantedBy(entry)).flatMap(([name, asked]) => {
    const found = resolve(place, name, packages);
    if (found === undefined) return [`lock-missing: ${place} needs ${name}, which has no entry: ${HOW}`];
    const range = overrides[name] ?? asked.replace(/^npm:.+@/, "");
    const version = found.link === true ? packages[found.resolved]?.version : found.version;
    if (semver.validRange(range) === null || semver.satisfies(version, range)) return [];
    return [`lock-version: ${place} needs ${name} ${range}, locked is ${version}: ${HOW}`];
  });
}

/** An address is that of the registry of whoever wrote the lock; without one, npm asks its own, and the hash decides. */
function originProblems(place, { link, resolved, integrity }) {
  if (!place.includes("node_modules/") || link === true) return [];
  const problems = [];
  if (resolved !== undefined)
    problems.push(`lock-address: ${place} names ${resolved}: set omit-lockfile-registry-resolved`);
  if (integrity?.startsWith("sha512-") !== true) problems.push(`lock-integrity: ${place} has no hash of its content`);
  return problems;
}

/** The oldest Node of each line that our own "engines" allows. */
function leastNodes(manifest) {
  const lines = manifest.engines?.node.split("||") ?? [];
  return lines.map((line) => semver.minVersion(line.trim()).version);
}

/** npm warns of each of these. What is optional it leaves out without a word. */
function engineProblems(place, { engines, optional }, nodes) {
  if (optional === true || !place.includes("node_modules/")) return [];
  const wanted = engines?.node;
  if (wanted === undefined || semver.validRange(wanted) === null) return [];
  return nodes
    .filter((node) => !semver.satisfies(node, wanted))
    .map((node) => `lock-engine: ${place} does not allow Node ${node} (${wanted}): hold it at an older version`);
}
