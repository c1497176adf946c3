import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { cellsOf, countOf, tableOf } from "./conformance/table.mjs";
import { ensureBrokerPrograms } from "./setup/broker-programs.mjs";
import { ensureChromium } from "./setup/chromium.mjs";
import { offerConformanceClients } from "./setup/conformance-clients.mjs";
import { root, tool } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { say } from "./setup/progress.mjs";
import { offerPythonWebsockets } from "./setup/python-websockets.mjs";
import { describeFailure, SetupError } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";

const usage = `Usage: npm run conformance [-- install | table]

  Runs the ecosystem's own clients against Parley and writes what held to docs/conformance.md.

  install  only installs the clients (test/conformance/clients) and the packages of their pages (test/conformance/pages)
  table    only writes the page, from the last run`;

const page = path.join(root, "docs", "conformance.md");
const reports = path.join(root, "test", "artefacts", "conformance");
const notesDir = path.join(root, "test", "conformance", "notes");
/** Pages of others, in Chromium. */
const pageTests = ["ai-sdk", "ag-ui"].map((name) => `test/browser/${name}.page.test.ts`);

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stopping.abort());

/** Returns the exit code of vitest. */
function runTests(node, env, project, files) {
  const report = path.join(reports, `${project}.json`);
  const args = [
    "run",
    "--project",
    project,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...files,
  ];
  return new Promise((resolve) => {
    const child = spawn(node, [tool("vitest", "vitest.mjs"), ...args], {
      cwd: root,
      env,
      stdio: "inherit",
      signal: stopping.signal,
    });
    child.once("error", () => resolve(1));
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

function readNotes() {
  if (!existsSync(notesDir)) return {};
  const files = readdirSync(notesDir).filter((name) => name.endsWith(".json"));
  return Object.assign({}, ...files.map((name) => JSON.parse(readFileSync(path.join(notesDir, name), "utf8"))));
}

const introduction = [
  "# What the ecosystem's own clients see",
  "",
  "Written by `npm run conformance`, which runs each client in the version that is named, against two edges and two agent workers with the **simulated** model, and cuts connections and kills workers as the",
  "rows say. Each mark leads to its test. ✓ holds; ✗ does not, and the note says why; – the protocol has no word for it, or nobody has tried: the note says which.",
  "",
  "| row | what is tried |",
  "|---|---|",
  "| text, reasoning, usage | the answer that the client ends with is the stored one, byte for byte |",
  "| tools, parallel tools, progress | calls with arguments, results and states; what is shown while they run |",
  "| approval | a call waits for a person, who agrees or denies with this client's own means |",
  "| stop | the client's own stop, and the model's request is closed |",
  "| resume | the connection is cut in mid-answer, and the client goes on by its own means, through another edge: nothing lost, nothing twice |",
  "| takeover | the agent worker is killed in mid-answer, and another one goes on |",
  "| error | the model fails: the client sees an error, with the text that was shown |",
  "",
];

function readReports() {
  const files = existsSync(reports) ? readdirSync(reports).filter((name) => name.endsWith(".json")) : [];
  if (files.length === 0) throw new SetupError("There is no run to write of: `npm run conformance` makes one.");
  return files.map((name) => JSON.parse(readFileSync(path.join(reports, name), "utf8")));
}

function writePage() {
  const read = readReports();
  const cells = cellsOf({ testResults: read.flatMap(({ testResults }) => testResults) }, root);
  const notes = readNotes();
  const day = new Date(Math.min(...read.map(({ startTime }) => startTime))).toISOString().slice(0, 10);
  const lines = [...introduction, `Run of ${day}.`, "", ...tableOf(cells, notes)];
  writeFileSync(page, `${lines.join("\n")}\n`);
  const { clients, held, failed } = countOf(cells, notes);
  say(`${clients} clients: ${held} cells hold, ${failed} do not. docs/conformance.md is written.`);
}

async function main([what]) {
  if (what === "table") return writePage();
  const { signal } = stopping;
  if (what === "install") return offerConformanceClients({ signal });
  const node = await prepare({ needsEdge: true, signal });
  const env = { ...process.env, PARLEY_BUILT: "1", ...(await ensureBrokerPrograms({ signal })) };
  await offerConformanceClients({ signal });
  await offerPythonWebsockets({ signal });
  env.CHROMIUM_PATH = await ensureChromium({ signal });
  // Nothing of an earlier run is told as one of today.
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  const codes = [await runTests(node, env, "conformance", []), await runTests(node, env, "page", pageTests)];
  writePage();
  process.exitCode = codes.every((code) => code === 0) ? 0 : 1;
}

giveHelp(process.argv.slice(2), usage);
try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`\n${describeFailure(error)}\n`);
  process.exitCode = 1;
}
