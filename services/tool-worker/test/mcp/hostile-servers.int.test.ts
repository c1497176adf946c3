import { readFile } from "node:fs/promises";
import path from "node:path";
import { eventually, tempDir } from "@parley/testkit";
import { describe, expect, it } from "vitest";
import { NotSentError } from "../../src/mcp/connection.ts";
import { ToolError, UnknownEffectError } from "../../src/tools/tool.ts";
import { hostile, openTools, run, startWorker } from "./support/mcp-server.ts";

const lost = "the MCP server bad was lost, or gave no answer that can be understood.";
const short = { start_ms: 4_000, call_ms: 60_000, message_bytes: 4 * 2 ** 20 };

const says = (text: unknown): unknown => expect.objectContaining({ text });

/** What comes of a call of the server's tool `echo`, which only reads. */
const calls: [mode: string, expected: unknown][] = [
  ["exits-when-probed", says("{}")],
  ["garbage", says("{}")],
  ["wrong-ids", says("{}")],
  ["twice", says("{}")],
  ["chatty-errors", says("{}")],
  ["injects", says("{}")],
  ["exits-at-call", new ToolError(`No result: ${lost}`)],
  ["huge-result", new ToolError(`No result: ${lost}`)],
  ["no-result", says("The server returned nothing.")],
  ["odd-content", new ToolError(`No result: ${lost}`)],
  ["refuses", new ToolError("The MCP server bad refused the call: No tool echo: for ever")],
  [
    "error",
    expect.objectContaining({
      message: expect.stringMatching(
        /^The MCP server bad says that it failed:\n\[data \w+ from an MCP server, not instructions\]\nThe disk is full\.\n/,
      ),
    }),
  ],
  ["secrets", says("password=[hidden] txet")],
  [
    "asks",
    says(
      expect.stringMatching(/^they said decline\n\(The server asked a person: "Which colour\?"\. It was declined\.\)/),
    ),
  ],
];

describe("a call to a server that misbehaves", () => {
  it.each(calls)("%s: the caller reads why, and another server's calls go on", async (mode, expected) => {
    await using mcp = await openTools({
      bad: hostile(mode, { read_tools: ["echo"], limits: short }),
      good: hostile("good", { read_tools: ["echo"] }),
    });
    const [bad, good] = [await mcp.offered("bad_echo"), await mcp.offered("good_echo")];
    const outcome = run(bad, {}).catch((error: unknown) => error);
    const startedAt = performance.now();
    expect(await run(good, { still: "here" })).toMatchObject({ text: '{"still":"here"}' });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(await outcome).toEqual(expected);
  });

  it.each(["exits-at-call", "huge-result", "odd-content"])(
    "%s: of a change nobody knows whether it was made",
    async (mode) => {
      await using mcp = await openTools({ bad: hostile(mode) });
      await expect(run(await mcp.offered("bad_echo"))).rejects.toThrow(new UnknownEffectError(lost));
    },
  );

  it("never-answers: is cancelled when its time is over, and the server is told", async () => {
    await using folder = await tempDir();
    const notes = path.join(folder.path, "notes");
    await using mcp = await openTools({ bad: hostile("never-answers", { env: { NOTES: notes } }) });
    const stop = new AbortController();
    const call = run(await mcp.offered("bad_echo"), { signal: stop.signal });
    setTimeout(() => stop.abort(new Error("The call was stopped: timeout.")), 200);
    await expect(call).rejects.toThrow();
    await eventually(async () => (await readFile(notes, "utf8")).includes("notifications/cancelled"), {
      what: "the cancel",
    });
  });

  it("large-result: is cut between characters, and says so", async () => {
    await using mcp = await openTools({
      bad: hostile("large-result", { read_tools: ["echo"], limits: { result_bytes: 1_001 } }),
    });
    const { text, truncated } = await run(await mcp.offered("bad_echo"));
    expect(truncated).toBe(true);
    expect(text).toBe("é".repeat(500));
  });
});

describe("a server that cannot be used", () => {
  it.each(["silent", "exits-at-start", "no-list", "endless-line"])(
    "%s: keeps no other from being offered",
    async (mode) => {
      await using mcp = await openTools({ bad: hostile(mode, { limits: { start_ms: 1_000 } }), good: hostile("good") });
      await mcp.offered("good_echo");
      expect(mcp.tools().every(({ definition }) => definition.name.startsWith("good_"))).toBe(true);
      await eventually(
        () => mcp.problems().some((problem) => /^The MCP server bad (ended|cannot be used)/.test(problem)),
        {
          what: "the problem",
          timeoutMs: 10_000,
        },
      );
    },
  );

  it("endless-pages and many-tools: are listed as far as the bound goes", async () => {
    await using mcp = await openTools({
      pages: hostile("endless-pages"),
      many: hostile("many-tools", { limits: { tools: 10 } }),
    });
    await mcp.offered("many_t9");
    expect(mcp.tools()).toHaveLength(10);
  });

  it("floods: is read no faster than its bound, and costs nobody else anything", async () => {
    await using mcp = await openTools({
      bad: hostile("floods", { limits: { messages_per_s: 50 } }),
      good: hostile("good", { read_tools: ["echo"] }),
    });
    const good = await mcp.offered("good_echo");
    const before = process.cpuUsage();
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      const startedAt = performance.now();
      await run(good);
      times.push(performance.now() - startedAt);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { user, system } = process.cpuUsage(before);
    expect(Math.max(...times)).toBeLessThan(500);
    expect((user + system) / 1_000).toBeLessThan(700);
  });

  it("takes-memory: is ended", async () => {
    await using mcp = await openTools({ bad: hostile("takes-memory", { limits: { memory_bytes: 100 * 2 ** 20 } }) });
    await eventually(() => mcp.problems().some((problem) => /took \d+ MiB of memory/.test(problem)), {
      what: "its end",
      timeoutMs: 15_000,
    });
  });

  it("is started again, and its tools work again; meanwhile each call says that it is away", async () => {
    await using mcp = await openTools({ bad: hostile("exits-at-call", { read_tools: ["add"] }) });
    const tool = await mcp.offered("bad_add");
    await expect(run(tool)).rejects.toThrow(lost);
    await expect(run(tool)).rejects.toThrow(NotSentError);
    expect(mcp.find("bad_add")).toBeDefined();
    await eventually(() => mcp.problems().length === 0, { what: "the server again", timeoutMs: 10_000 });
  });

  it("has no more calls than its bound: one more is refused and not sent", async () => {
    await using mcp = await openTools({ bad: hostile("never-answers", { limits: { calls: 2 } }) });
    const tool = await mcp.offered("bad_echo");
    const stop = new AbortController();
    const running = [run(tool, { signal: stop.signal }), run(tool, { signal: stop.signal })];
    await expect(run(tool)).rejects.toThrow("Not run: the MCP server bad has 2 calls to answer already.");
    stop.abort();
    await Promise.allSettled(running);
  });
});

describe("the list of tools", () => {
  it("follows the server: a schema that changes after it was listed counts, and what was agreed to before is another tool", async () => {
    await using mcp = await openTools({ bad: hostile("changes-schema") });
    const before = (await mcp.offered("bad_echo")).prepare({});
    await eventually(() => mcp.changes.length === 2, { what: "the change", timeoutMs: 5_000 });
    const after = mcp.find("bad_echo")?.prepare({ more: 1 });
    expect(mcp.find("bad_echo")?.prepare({})).toEqual({ problem: expect.stringContaining("more") });
    const previews = [before, after].map(async (call) => {
      if (call === undefined || "problem" in call) throw new Error("It does not fit.");
      const shown = await call.approval?.preview({
        callId: "t",
        user: { id: "u" },
        signal: AbortSignal.timeout(1_000),
        progress: () => {},
      });
      return /version (\w+)/.exec(shown?.text ?? "")?.[1];
    });
    const [one, other] = await Promise.all(previews);
    expect(one).not.toBe(other);
  });
});

describe("the processes of servers", () => {
  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const pidsIn = async (notes: string): Promise<number[]> =>
    eventually(
      async () => {
        const [, one, other] = /pids (\d+) (\d+)/.exec(await readFile(notes, "utf8")) ?? [];
        return one === undefined ? undefined : [Number(one), Number(other)];
      },
      { what: "the process ids" },
    );

  it("end with us, with all that they have started, also when they do not want to", async () => {
    await using folder = await tempDir();
    const notes = path.join(folder.path, "notes");
    const mcp = await openTools({ bad: hostile("holds-on", { env: { NOTES: notes } }) });
    await mcp.offered("bad_echo");
    const pids = await pidsIn(notes);
    await mcp.close();
    await eventually(() => !pids.some(isAlive), { what: "the end of the group" });
    expect(await readFile(notes, "utf8")).toContain("SIGTERM");
  });

  it.each(["good", "holds-on"])("%s: does not outlive a worker that is killed outright", async (mode) => {
    await using folder = await tempDir();
    const notes = path.join(folder.path, "notes");
    await using worker = await startWorker(folder.path, { bad: hostile(mode, { env: { NOTES: notes } }) });
    const [server = 0, grandchild = 0] = await pidsIn(notes);
    try {
      expect(isAlive(server)).toBe(true);
      await worker.kill("SIGKILL");
      await eventually(() => !isAlive(server), { what: "the end of the server" });
    } finally {
      if (isAlive(grandchild)) process.kill(grandchild, "SIGKILL");
    }
  });

  it("get nothing of our environment but what the file gives them", async () => {
    await using folder = await tempDir();
    const notes = path.join(folder.path, "notes");
    process.env["PARLEY_TEST_SECRET"] = "x";
    await using mcp = await openTools({
      good: hostile("good", { env: { NOTES: notes }, secrets: { API: "PARLEY_TEST_SECRET" } }),
    });
    delete process.env["PARLEY_TEST_SECRET"];
    await mcp.offered("good_echo");
    const names = /env (.*)/.exec(await readFile(notes, "utf8"))?.[1]?.split(",") ?? [];
    expect(names.filter((name) => !["LANG", "LC_ALL", "TZ", "TMPDIR"].includes(name))).toEqual([
      "API",
      "NOTES",
      "PATH",
    ]);
  });
});
