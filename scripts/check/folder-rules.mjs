import { readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { listSourceFiles } from "./source-files.mjs";

/**
 * The rooms of a service, outermost first: each may import those behind it, and nobody those before it. Files beside the rooms may import
 * all; a room may import such a file if that imports nothing of the service itself.
 */
const ROOMS = {
  "services/edge": ["facades", "transport", "admission", "commands", "signals", "hub", "delivery", "figures"],
};

const SOURCE = /^((?:libs|services)\/[^/]+)\/src\/(.+)$/;
const IMPORTED = /\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;

/** Checks which folders of a workspace import which: the arrows between rooms, and that there is no circle. */
export function findFolderProblems(root) {
  return [...groupBy(filesOf(root), ({ workspace }) => workspace)].flatMap(([workspace, files]) => {
    const arrows = arrowsOf(files);
    const rooms = ROOMS[workspace];
    return [...(rooms === undefined ? [] : roomProblems(rooms, files, arrows)), ...circleProblems(arrows)];
  });
}

/** The sources of libraries and services, and what each imports of its own workspace; paths below `src`. */
function filesOf(root) {
  return listSourceFiles(root).flatMap((path) => {
    const [, workspace, file] = SOURCE.exec(path.replaceAll("\\", "/")) ?? [];
    if (workspace === undefined) return [];
    const imports = [...readFileSync(join(root, path), "utf8").matchAll(IMPORTED)].map(([, specifier]) =>
      posix.join(posix.dirname(file), specifier),
    );
    return [{ workspace, path, file, imports }];
  });
}

/** A file in no folder counts for itself: what all need, and what puts all together, lie side by side there. */
const nodeOf = (file) => (dirname(file) === "." ? file : dirname(file));

function arrowsOf(files) {
  return files.flatMap(({ path, file, imports }) =>
    imports
      .map((imported) => ({ path, imported, from: nodeOf(file), to: nodeOf(imported) }))
      .filter(({ from, to }) => from !== to),
  );
}

function roomProblems(rooms, files, arrows) {
  const leaves = new Set(files.filter(({ imports }) => imports.length === 0).map(({ file }) => file));
  const roomOf = (node) => node.split("/", 1)[0];
  const isAllowed = ({ from, to }) => {
    if (!isFolder(from)) return true;
    const place = rooms.indexOf(roomOf(from));
    return place !== -1 && (isFolder(to) ? rooms.indexOf(roomOf(to)) >= place : leaves.has(to));
  };
  return arrows
    .filter((arrow) => !isAllowed(arrow))
    .map(({ path, imported, from }) => `${path}  folder-arrow: ${roomOf(from)} may not import ${imported}`);
}

const isFolder = (node) => !/\.\w+$/.test(node);

/** One line for each arrow of a circle. */
function circleProblems(arrows) {
  const next = groupBy(arrows, ({ from }) => from);
  const different = [...groupBy(arrows, ({ from, to }) => `${from} ${to}`).values()].map(([first]) => first);
  return different
    .filter(({ from, to }) => leadsTo(next, to, from))
    .map(({ path, from, to }) => `${path}  folder-circle: ${from} imports ${to}, and that leads back to it`);
}

function leadsTo(next, start, end) {
  const seen = new Set([start]);
  for (const node of seen) {
    if (node === end) return true;
    for (const { to } of next.get(node) ?? []) seen.add(to);
  }
  return false;
}

/** Node 20 has no `Map.groupBy`. */
function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
