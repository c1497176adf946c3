import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));

/** Packs a folder of the checkout into another folder; returns the name of the file there. */
async function pack(place: string, folder: string): Promise<string> {
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const { stdout } = await run("npm", args, { cwd: path.join(root, place) });
  return nameIn(stdout);
}

/** Installs what `npm pack` makes of the client into a folder outside the checkout, with its dependencies and nothing else. Without a network. */
export async function installPacked(folder: string): Promise<void> {
  const files: string[] = [];
  for (const place of ["libs/protocol", "libs/client", "node_modules/zod"]) files.push(await pack(place, folder));
  await writeFile(path.join(folder, "package.json"), '{"name": "fresh", "private": true, "type": "module"}');
  const quiet = ["--offline", "--no-audit", "--no-fund", "--ignore-scripts", "--cache", path.join(folder, "cache")];
  await run("npm", ["install", ...quiet, ...files.map((file) => `./${file}`)], { cwd: folder });
}

/** The files of the packed client alone, as somebody puts them on a web server. Returns their folder. */
export async function unpackClient(folder: string): Promise<string> {
  await run("tar", ["xzf", await pack("libs/client", folder)], { cwd: folder });
  return path.join(folder, "package/dist");
}

function nameIn(output: string): string {
  const name = /"filename": "([^"]+)"/.exec(output)?.[1];
  if (name === undefined) throw new Error(`npm pack says no file name: ${output}`);
  return name;
}

/** The first block of this language in the page of the client. */
export async function exampleOf(language: "js" | "html"): Promise<string> {
  const page = await readFile(path.join(root, "docs/client.md"), "utf8");
  const example = page.split(`\`\`\`${language}\n`)[1]?.split("```")[0];
  if (example === undefined) throw new Error(`docs/client.md has no example in ${language}`);
  return example;
}
