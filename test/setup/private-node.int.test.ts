import { execFile } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { eventually, tempDir } from "@parley/testkit";

const run = promisify(execFile);
const scripts = fileURLToPath(new URL("../../scripts", import.meta.url));
const hasPrivateNode = process.platform === "linux" && ["x64", "arm64"].includes(process.arch);
const packageName = `node-linux-${process.arch}`;

/** What uWebSockets.js does where its binary is missing or wants another glibc; PRIVATE_NODE stands for a Node that it fits. */
const uws = `if (!process.env.PRIVATE_NODE) throw new Error("This version of uWS.js supports only Node.js versions 20\\n\\nError: libc.so.6: version \`GLIBC_2.38' not found");`;
const fittingNode = `#!/bin/sh\nPRIVATE_NODE=1 exec "${process.execPath}" "$@"\n`;

/** A checkout with the real scripts and installed packages, whose uWebSockets.js loads in no Node but the fitting one. */
async function checkout(folder: string, npm: string) {
  await cp(scripts, path.join(folder, "scripts"), { recursive: true });
  const modules = path.join(folder, "node_modules");
  for (const place of [
    path.join(modules, "uWebSockets.js"),
    path.join(folder, "services/edge"),
    path.join(folder, "bin"),
  ])
    await mkdir(place, { recursive: true });
  const lock = JSON.stringify({ packages: {} });
  await writeFile(path.join(folder, "package-lock.json"), lock);
  await writeFile(path.join(modules, ".package-lock.json"), lock);
  await writeFile(path.join(modules, "uWebSockets.js/index.js"), uws);
  await writeFile(path.join(folder, "fitting-node"), fittingNode, { mode: 0o755 });
  await writeFile(path.join(folder, "bin/npm"), npm, { mode: 0o755 });
}

/** An npm that writes down how it was called and installs a Node that fits. */
const workingNpm = `#!/bin/sh
root="$(dirname "$0")/.."
echo "$@" >> "$root/npm-calls"
mkdir -p "node_modules/${packageName}/bin"
cp "$root/fitting-node" "node_modules/${packageName}/bin/node"
`;

const hangingNpm = `#!/bin/sh
mkdir -p "node_modules/${packageName}/bin"
echo half > "node_modules/${packageName}/bin/node"
echo $$ > "$(dirname "$0")/../npm-pid"
exec sleep 600
`;

const program = `
  const { prepare } = await import("./scripts/setup/prepare.mjs");
  const { describeFailure } = await import("./scripts/setup/setup-error.mjs");
  try { console.log("NODE " + (await prepare({ needsBuild: false, needsEdge: true }))); }
  catch (error) { console.error(describeFailure(error)); process.exitCode = 1; }
`;

function prepare(folder: string, env: Record<string, string> = {}) {
  const PATH = `${path.join(folder, "bin")}${path.delimiter}${process.env["PATH"]}`;
  return run(process.execPath, ["--input-type=module", "-e", program], { cwd: folder, env: { PATH, ...env } });
}

const chosen = ({ stdout }: { stdout: string }): string | undefined => /^NODE (.*)$/m.exec(stdout)?.[1];
const privateProgram = (folder: string): string => path.join(folder, `.tools/node-20.20.2-${process.arch}/bin/node`);

async function npmCalls(folder: string): Promise<string[]> {
  const text = await readFile(path.join(folder, "npm-calls"), "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}

/** A registry that gives another Node under the name and version of the real one. */
async function forgingRegistry(folder: string) {
  const forged = path.join(folder, "package");
  await mkdir(path.join(forged, "bin"), { recursive: true });
  const manifest = { name: packageName, version: "20.20.2" };
  await writeFile(path.join(forged, "package.json"), JSON.stringify(manifest));
  await cp(path.join(folder, "fitting-node"), path.join(forged, "bin/node"));
  await run("tar", ["czf", "forged.tgz", "package"], { cwd: folder });
  const tarball = await readFile(path.join(folder, "forged.tgz"));
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    if (request.url?.endsWith(".tgz") === true) return response.end(tarball);
    const dist = { tarball: `http://${request.headers.host}/${packageName}.tgz` };
    return response.end(JSON.stringify({ name: packageName, versions: { "20.20.2": { ...manifest, dist } } }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

describe.runIf(hasPrivateNode)("where uWebSockets.js has no binary for this Node", () => {
  test("brings a Node from npm when uWebSockets.js has no binary for this one, and says so in one line", async () => {
    await using folder = await tempDir();
    await checkout(folder.path, workingNpm);
    const outcome = await prepare(folder.path);
    expect(chosen(outcome)).toBe(privateProgram(folder.path));
    const said = outcome.stdout.split("\n").filter((line) => line.includes("runs all processes"));
    expect(said).toEqual([
      expect.stringMatching(
        /Node +20\.20\.2 in \.tools runs .*no binary for Node \S+ on this system \(linux \w+ with glibc/,
      ),
    ]);
  });

  test("does not ask npm for a Node that is there", async () => {
    await using folder = await tempDir();
    await checkout(folder.path, workingNpm);
    await prepare(folder.path);
    expect(chosen(await prepare(folder.path))).toBe(privateProgram(folder.path));
    expect(await npmCalls(folder.path)).toHaveLength(1);
  });

  test("begins anew after a set-up that was killed while npm was at work", async () => {
    await using folder = await tempDir();
    await checkout(folder.path, hangingNpm);
    const first = prepare(folder.path);
    const ended = first.catch(() => undefined);
    const npmPid = await eventually(
      async () => Number(await readFile(path.join(folder.path, "npm-pid"), "utf8")) || undefined,
      { what: "npm at work" },
    );
    first.child.kill("SIGKILL");
    process.kill(npmPid, "SIGKILL");
    await ended;
    await writeFile(path.join(folder.path, "bin/npm"), workingNpm);
    expect(chosen(await prepare(folder.path))).toBe(privateProgram(folder.path));
    expect(await readdir(path.join(folder.path, ".tools"))).toEqual([`node-20.20.2-${process.arch}`]);
  });

  test("two set-ups at once ask npm once, and with data folders of their own both end well", async () => {
    await using folder = await tempDir();
    await checkout(folder.path, workingNpm);
    const both = await Promise.all([prepare(folder.path), prepare(folder.path)]);
    expect(both.map(chosen)).toEqual([privateProgram(folder.path), privateProgram(folder.path)]);
    expect(await npmCalls(folder.path)).toHaveLength(1);

    await using other = await tempDir();
    await checkout(other.path, workingNpm);
    const data = ["one", "two"].map((name) => ({ PARLEY_DATA_DIR: path.join(other.path, name) }));
    const apart = await Promise.all(data.map((env) => prepare(other.path, env)));
    expect(apart.map(chosen)).toEqual([privateProgram(other.path), privateProgram(other.path)]);
  });

  test("fetches one that does not run again", async () => {
    await using folder = await tempDir();
    await checkout(folder.path, workingNpm);
    await mkdir(path.dirname(privateProgram(folder.path)), { recursive: true });
    await writeFile(privateProgram(folder.path), "half of a Node", { mode: 0o755 });
    expect(chosen(await prepare(folder.path))).toBe(privateProgram(folder.path));
    expect(await npmCalls(folder.path)).toHaveLength(1);
  });

  test("says in one sentence that npm cannot be reached, and leaves nothing behind", async () => {
    await using folder = await tempDir();
    await checkout(
      folder.path,
      "#!/bin/sh\necho 'npm error code ENOTFOUND'\necho 'npm error network request failed'\nexit 1\n",
    );
    await expect(prepare(folder.path)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^uWebSockets\.js has no binary for Node \S+ on this system \(.*\), and a Node 20\.20\.2 that has one could not be fetched from npm \(network request failed\): [^\n]+\.\n$/,
      ),
    });
    expect(await readdir(path.join(folder.path, ".tools"))).toEqual([]);
  });

  test("does not run a Node whose content is not the one that was chosen", async () => {
    await using folder = await tempDir();
    await checkout(folder.path, workingNpm);
    await using registry = await forgingRegistry(folder.path);
    // The real npm, with a cache in which it does not find the real package.
    const npm = `#!/bin/sh\nPATH="${process.env["PATH"]}"\nexec npm --fetch-retries 0 --cache "${folder.path}/cache" --registry "${registry.url}" "$@"\n`;
    await writeFile(path.join(folder.path, "bin/npm"), npm);
    await expect(prepare(folder.path)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/sha512.* integrity/),
    });
    expect(registry.asked).toContain(`/${packageName}.tgz`);
    expect(await readdir(path.join(folder.path, ".tools"))).toEqual([]);
  });
});
