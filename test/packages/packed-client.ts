import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));

/** Packs as a page of the docs says, into another folder; returns the names of the files there. */
async function packAs(page: string, folder: string): Promise<string[]> {
  const text = await readFile(path.join(root, page), "utf8");
  const said = /^npm (?<args>pack .*)$/m.exec(text)?.groups?.["args"];
  if (said === undefined) throw new Error(`${page} does not say how to pack`);
  return pack([...said.split(" "), "--pack-destination", folder]);
}

async function pack(args: readonly string[]): Promise<string[]> {
  const { stdout } = await run("npm", [...args, "--json"], { cwd: root });
  const names = [...stdout.matchAll(/"filename": "([^"]+)"/g)].flatMap(([, name]) => name ?? []);
  if (names.length === 0) throw new Error(`npm pack says no file name: ${stdout}`);
  return names;
}

/**
 * Installs what the command of a page of the docs packs into a folder outside the checkout, with what it needs of these packages and nothing else. Without a
 * network.
 */
export async function installPacked(
  folder: string,
  { page = "docs/client.md", needs = ["zod"] }: { readonly page?: string; readonly needs?: readonly string[] } = {},
): Promise<void> {
  const files = await packAs(page, folder);
  // Of what comes from a registry the scripts are not ours to run.
  for (const name of needs) {
    files.push(...(await pack(["pack", "--ignore-scripts", `./node_modules/${name}`, "--pack-destination", folder])));
  }
  await writeFile(path.join(folder, "package.json"), '{"name": "fresh", "private": true, "type": "module"}');
  const quiet = ["--offline", "--no-audit", "--no-fund", "--ignore-scripts", "--cache", path.join(folder, "cache")];
  await run("npm", ["install", ...quiet, ...files.map((file) => `./${file}`)], { cwd: folder });
}

/** The files of the packed client alone, as somebody puts them on a web server. Returns their folder. */
export async function unpackClient(folder: string): Promise<string> {
  const files = await packAs("docs/client.md", folder);
  const client = files.find((name) => name.startsWith("parley-client-"));
  if (client === undefined) throw new Error("docs/client.md does not pack the client");
  await run("tar", ["xzf", client], { cwd: folder });
  return path.join(folder, "package/dist");
}

/** The first block of this language in the page of the client. */
export async function exampleOf(language: "js" | "html"): Promise<string> {
  const page = await readFile(path.join(root, "docs/client.md"), "utf8");
  const example = page.split(`\`\`\`${language}\n`)[1]?.split("```")[0];
  if (example === undefined) throw new Error(`docs/client.md has no example in ${language}`);
  return example;
}
