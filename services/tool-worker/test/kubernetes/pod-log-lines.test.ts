import path from "node:path";
import fc from "fast-check";
import { jsonTextBytes, limits } from "@parley/protocol";
import { tempDir, type TempDir } from "@parley/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { outcomeOf } from "../../src/call-log.ts";
import { fitLogLines } from "../../src/kubernetes/log-lines.ts";
import { type CallTool, openTools } from "../support/cluster-tools.ts";
import { startStubCluster, type StubCluster, writeKubeconfig } from "../support/stub-cluster.ts";

/** As a kubelet does: the last lines, of these the first bytes. */
function kubeletLog(log: Buffer, query: URLSearchParams): Buffer {
  const text = log.toString("latin1");
  const lines = text.split("\n");
  const hasEnd = lines.at(-1) === "";
  if (hasEnd) lines.pop();
  const tail = lines.slice(-Number(query.get("tailLines"))).join("\n");
  return Buffer.from(`${tail}${hasEnd ? "\n" : ""}`, "latin1").subarray(0, Number(query.get("limitBytes")));
}

describe("the log of a pod", () => {
  let folder: TempDir;
  let server: StubCluster;
  let call: CallTool;
  let log: Buffer;
  let asked: URLSearchParams[];

  beforeEach(async () => {
    folder = await tempDir();
    asked = [];
    server = await startStubCluster(({ url = "" }, response) => {
      const query = new URL(url, "http://x").searchParams;
      asked.push(query);
      response.writeHead(200, { "content-type": "text/plain" });
      response.end(kubeletLog(log, query));
    });
    const cluster = { "insecure-skip-tls-verify": true };
    const kubeconfig = { server: `http://127.0.0.1:${server.port}`, cluster };
    call = openTools(await writeKubeconfig(path.join(folder.path, "kubeconfig"), kubeconfig));
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  async function read(text: string | Buffer, args: Record<string, unknown> = {}) {
    log = Buffer.from(text);
    const output = await call("k8s_pod_logs", { pod: "p", maxBytes: 31_500, ...args });
    // As it is stored: nothing of it is cut again.
    const { result } = outcomeOf("completed", output, 1);
    expect(result).toBe(output.text);
    expect(jsonTextBytes(result)).toBeLessThanOrEqual(limits.toolResultBytes);
    const [summary = "", ...lines] = output.text.split("\n");
    return { summary, lines, truncated: output.truncated };
  }

  it("whose last line is 40 KB shows its beginning, how much is missing, and the lines before it", async () => {
    const { summary, lines, truncated } = await read(`one\ntwo\nthree\n${"x".repeat(40_000)}\n`);
    expect(summary).toMatch(/^4 lines of the log of p .*; of 1 line only the beginning is shown\.$/);
    expect(lines.slice(0, 3)).toEqual(["one", "two", "three"]);
    const [, shown = "", missing] = /^(x+) \[… (\d+) more bytes\]$/.exec(lines[3] ?? "") ?? [];
    expect(shown.length + Number(missing)).toBe(40_000);
    expect(shown.length).toBeGreaterThan(30_000);
    expect(truncated).toBe(true);
  });

  it("whose first line is huge shows all the others whole", async () => {
    const { lines } = await read(`${"x".repeat(40_000)}\ntwo\nthree`);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/more bytes\]$/);
    expect(lines.slice(1)).toEqual(["two", "three"]);
  });

  it("of which every line is huge shows the newest ones", async () => {
    const { summary, lines } = await read(
      Array.from({ length: 20 }, (_, n) => `${n} ${"x".repeat(40_000)}`).join("\n"),
    );
    expect(summary).toMatch(/^The last 4 of 20 lines .*; of 4 lines only the beginning is shown/);
    expect(lines.map((line) => line.split(" ")[0])).toEqual(["16", "17", "18", "19"]);
  });

  it("with a line of 1 MB in the middle shows what is around it", async () => {
    const { lines } = await read(`first\r\n${"y".repeat(1_000_000)}\r\nlast\r\n`);
    expect(lines[0]).toBe("first");
    expect(lines[1]).toMatch(/^y+ \[… 9\d{5} more bytes\]$/);
    expect(lines[2]).toBe("last");
  });

  it("is never cut inside a character", async () => {
    const { lines } = await read("€".repeat(20_000));
    expect(lines[0]).toMatch(/^€+ \[… \d+ more bytes\]$/);
  });

  it("too large to be read shows its newest lines, and says that the others were not looked at", async () => {
    const huge = Array.from({ length: 200 }, (_, n) => `${n} ${"z".repeat(100_000)}`);
    const { summary, lines, truncated } = await read([...huge, "the last words"].join("\n"));
    expect(lines.at(-1)).toBe("the last words");
    expect(summary).toContain("older lines were not looked at, because the log is too large");
    expect(truncated).toBe(true);
    expect(asked.length).toBeLessThanOrEqual(5);
  });

  it("of one line without an end shows its beginning", async () => {
    const { summary, lines } = await read(Buffer.alloc(6 * 1024 * 1024, "q"));
    expect(summary).toMatch(/^1 line .*the last line was not read to its end; of 1 line only the beginning is shown/);
    expect(lines[0]).toMatch(/^q{30000,} \[… \d+ more bytes\]$/);
  });

  const letters = "x".repeat(60);
  it.each([
    ["JSON", (n: number) => JSON.stringify({ n, level: "info", msg: 'a "quoted" word', path: "C:\\tmp", letters })],
    ["tabs and backslashes", (n: number) => `${n}\t\\d+\\.\\d+\t${letters}`],
    ["quotes", (n: number) => `${n} ${'"'.repeat(150)}`],
    ["a few letters", (n: number) => `${n} all is well`],
    ["wide characters", (n: number) => `${n} ${"日本👍".repeat(20)}`],
  ])("of many lines of %s shows the newest", async (_, lineOf) => {
    const all = Array.from({ length: 6_000 }, (__, n) => lineOf(n));
    const { summary, lines } = await read(all.join("\n"), { tail: 2_000 });
    const tail = all.slice(-Math.min(2_000, all.length));
    expect(lines).toEqual(tail.slice(-lines.length));
    expect(summary).toMatch(new RegExp(`^The last ${lines.length} of `));
    expect(jsonTextBytes(lines.join("\n"))).toBeGreaterThan(Math.min(30_000, jsonTextBytes(tail.join("\n")) - 1));
  });

  it("whose last line is 40 KB of JSON shows its beginning and the lines before it", async () => {
    const line = JSON.stringify({ text: '\t"C:\\tmp"\n'.repeat(3_000) });
    const { summary, lines } = await read(`one\ntwo\n${line}\n`);
    expect(summary).toMatch(/^3 lines of the log of p .*; of 1 line only the beginning is shown\.$/);
    expect(lines.slice(0, 2)).toEqual(["one", "two"]);
    const [, shown = "", missing] = /^(.*) \[… (\d+) more bytes\]$/.exec(lines[2] ?? "") ?? [];
    expect(line.startsWith(shown)).toBe(true);
    expect(shown.length + Number(missing)).toBe(line.length);
    expect(jsonTextBytes(shown)).toBeGreaterThan(30_000);
  });

  it("with a long summary still has its newest line at its end", async () => {
    const long = Array.from({ length: 2_000 }, (_, n) => `${n} ${"\\".repeat(90)}`);
    const { lines } = await read(long.join("\n"), { pod: "p".repeat(253), grep: "\\".repeat(80), tail: 2_000 });
    expect(lines.at(-1)).toBe(long.at(-1));
  });

  it.each([
    ["nothing", "", "0 lines of", []],
    ["one newline", "\n", "0 lines of", []],
    ["empty lines", "\n\n\n", "3 lines of", ["", "", ""]],
    ["no newline at its end", "a\nb", "2 lines of", ["a", "b"]],
    ["carriage returns", "a\r\nb\r\n", "2 lines of", ["a", "b"]],
    ["NULs and bells", "a\u0000\u0007b\u0000\n", "1 line of", ["ab"]],
    ["bytes that are no text", Buffer.from([0x61, 0xff, 0xfe, 0x0a, 0xe2, 0x82]), "2 lines of", ["a��", "�"]],
  ])("of %s is shown as it is", async (_, text, summary, lines) => {
    const log = await read(text);
    expect(log.summary.startsWith(summary)).toBe(true);
    expect(log.lines).toEqual(lines);
  });

  it("of nothing but 40,000 NULs has no text", async () => {
    expect((await read("\u0000".repeat(40_000))).lines).toEqual([]);
  });

  it("that hides a password where it is cut shows none of it", async () => {
    const url = (at: number) => `${"w".repeat(at)} postgres://user:hunter2hunter2@db/x ${"w".repeat(60_000)}`;
    for (const at of [31_600, 31_650, 31_690, 39_900, 39_920, 39_930]) {
      expect((await read(url(at))).lines.join("")).not.toContain("hunter2");
    }
  });

  it("that is searched is looked through from its newest lines on", async () => {
    const huge = Array.from({ length: 100 }, (_, n) => `${n} ERROR ${"z".repeat(100_000)}`);
    const { lines } = await read([...huge, "an error at the end"].join("\n"), { grep: "error", tail: 1 });
    expect(lines).toEqual(["an error at the end"]);
  });
});

describe("lines of a log", () => {
  it("always fit, whatever their sizes are, and the newest is among them", () => {
    const size = fc.tuple(fc.constantFrom("ä", '"', "\\", "\t", "\ud83d"), fc.integer({ min: 0, max: 12_000 }));
    const sizes = fc.array(size, { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 9_000, max: 40_000 }), (lengths, maxBytes) => {
        const lines = lengths.map(([character, length], n) => `${n}:${character.repeat(length)}`);
        const fitted = fitLogLines(lines, maxBytes);
        expect(jsonTextBytes(fitted.lines.join("\n"))).toBeLessThanOrEqual(maxBytes);
        expect(fitted.lines.length).toBeGreaterThan(0);
        expect(fitted.lines.at(-1)?.split(":")[0]).toBe(String(lines.length - 1));
        const isWhole = jsonTextBytes(lines.join("\n")) + 2 <= maxBytes;
        expect(fitted.cut === 0 && fitted.lines.length === lines.length).toBe(isWhole);
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });
});
