import { readFileSync } from "node:fs";
import path from "node:path";

/** Licences that a product under Apache-2.0 may ship with. */
const ALLOWED = new Set([
  ...[
    "0BSD",
    "Apache-2.0",
    "BlueOak-1.0.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "PSF-2.0",
    "Unlicense",
    "Zlib",
  ],
]);
/** Only for tools: their code is not shipped. */
const ALLOWED_FOR_TOOLS = new Set([...ALLOWED, "CC-BY-4.0", "MPL-2.0", "Python-2.0"]);

/** Of packages that say it in their README, their repository or a file of it only, as a person has read it there. But for duck nothing of them is shipped: tests start them. */
const READ_BY_HAND = new Map([
  ["duck", "BSD-2-Clause"],
  ["@modelcontextprotocol/server-everything", "MIT"],
  ["@modelcontextprotocol/server-filesystem", "MIT"],
  ["kubernetes-mcp-server-linux-amd64", "Apache-2.0"],
  ["combine-errors", "MIT"],
]);

function readJson(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

/** What the package itself says, where it is installed; packages of other systems are not, and the lock says it of them. */
function licenseOf(root, place, locked) {
  const read = READ_BY_HAND.get(place.split("node_modules/").at(-1));
  if (read !== undefined) return read;
  try {
    return readJson(path.join(root, place, "package.json")).license ?? locked.license;
  } catch {
    return locked.license;
  }
}

/** Every package of the lock but our own: `{ name, version, license, isTool }`. */
export function listPackages(root) {
  const { packages } = readJson(path.join(root, "package-lock.json"));
  const listed = Object.entries(packages)
    .filter(([place, { link }]) => place.includes("node_modules/") && link !== true)
    .map(([place, locked]) => ({
      name: locked.name ?? place.split("node_modules/").at(-1),
      version: locked.version,
      license: licenseOf(root, place, locked),
      isTool: locked.dev === true || locked.devOptional === true,
    }));
  const byName = new Map(listed.map((each) => [`${each.name} ${each.version} ${each.isTool}`, each]));
  return [...byName.values()].toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

function keyOf({ name, version }) {
  return `${name} ${version}`;
}

/** `(MIT OR GPL-3.0)` may be used as MIT; of `MIT AND GPL-3.0` both must be allowed. */
function isAllowed(license, allowed) {
  if (typeof license !== "string") return false;
  const plain = license.replaceAll(/[()]/g, "");
  return plain.split(" OR ").some((choice) => choice.split(" AND ").every((each) => allowed.has(each.trim())));
}

/** A sentence for each package whose licence is unknown or not allowed. */
export function findForbidden(packages) {
  return packages
    .filter(({ license, isTool }) => !isAllowed(license, isTool ? ALLOWED_FOR_TOOLS : ALLOWED))
    .map(
      ({ name, version, license }) => `${name} ${version}: ${shown(license)} is not on the list of allowed licences.`,
    );
}

function shown(license) {
  return typeof license === "string" ? license : "no licence that a machine can read";
}

function section(title, packages) {
  const rows = packages.map(({ name, version, license }) => `| \`${name}\` | ${version} | ${shown(license)} |`);
  return [`## ${title}`, "", "| package | version | licence |", "|---|---|---|", ...rows, ""].join("\n");
}

function summary(packages) {
  const counts = new Map();
  for (const { license } of packages) counts.set(shown(license), (counts.get(shown(license)) ?? 0) + 1);
  const sorted = [...counts].toSorted(([one, a], [other, b]) => b - a || (one < other ? -1 : 1));
  return sorted.map(([license, count]) => `${license} ${count}`).join(" · ");
}

const head = `# Licences

Parley is under Apache-2.0. These are the packages of \`package-lock.json\`, with what each says of itself. Written by
\`node scripts/licenses.mjs\`, which also fails on a licence that is unknown or not allowed (the lists are in
\`scripts/licenses-page.mjs\`); a test keeps the page up to date.
The texts of those that the chat page bundles go with it: an edge serves them at \`/licenses.txt\` and \`/embed/licenses.txt\`.
`;

/** The text of docs/licenses.md. */
export function licensesPage(packages) {
  const shipped = packages.filter(({ isTool }) => !isTool);
  const tools = packages.filter(({ isTool }) => isTool);
  return [
    head,
    section(`Shipped (${shipped.length})`, shipped),
    section(`Tools and tests only (${tools.length})`, tools),
    `Together: ${summary(packages)}.\n`,
  ].join("\n");
}
