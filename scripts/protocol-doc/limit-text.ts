import { readFileSync } from "node:fs";

const root = new URL("../../", import.meta.url);

/** Files with numbers that the page names: most of them belong to one service and are exported to nobody. */
const files: Readonly<Record<string, string>> = {
  limits: "libs/protocol/src/limits.ts",
  delivery: "services/edge/src/delivery/delivery-limits.ts",
  edge: "services/edge/src/transport-room.ts",
  inbox: "services/edge/src/transport/inbox.ts",
  connections: "services/edge/src/transport/connections.ts",
  websocket: "services/edge/src/transport/websocket.ts",
  welcome: "services/edge/src/transport/dialect-chooser.ts",
};

/** The number `file.name` of the sources as people write it: `32 KB`, `30 min`, `1,024`. Throws when it is not there. */
export function limitText(file: string, name: string): string {
  const path = files[file];
  if (path === undefined) throw new Error(`the page names an unknown file: ${file}`);
  const product = new RegExp(String.raw`\b${name}(?: =|:) ([\d_]+(?: \* [\d_]+)*)[;,\s]`).exec(readText(path))?.[1];
  if (product === undefined) throw new Error(`${path} has no number ${name}`);
  return inWords(
    name,
    product.split("*").reduce((sum, factor) => sum * Number(factor.replaceAll("_", "")), 1),
  );
}

function readText(path: string): string {
  return readFileSync(new URL(path, root), "utf8");
}

function inWords(name: string, value: number): string {
  if (name.endsWith("Bytes")) return value < 1_048_576 ? `${value / 1_024} KB` : `${value / 1_048_576} MB`;
  if (name.endsWith("Ms")) return value < 60_000 ? `${value / 1_000} s` : `${value / 60_000} min`;
  if (name.endsWith("Seconds")) return `${value} s`;
  return value.toLocaleString("en");
}

/** `limits.ts` as a table: its comments are the reasons. */
export function limitTable(): string {
  const entries = readText(files["limits"] ?? "").matchAll(/ {2}\/\*\* (.*?) \*\/\n {2}(\w+):/g);
  const rows = [...entries].map(
    ([, comment = "", name = ""]) => `| \`${name}\` | ${limitText("limits", name)} | ${comment} |`,
  );
  return ["| name | limit | what |", "|---|---|---|", ...rows, ""].join("\n");
}
