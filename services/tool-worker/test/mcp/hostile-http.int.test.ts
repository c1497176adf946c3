import { readFile } from "node:fs/promises";
import path from "node:path";
import { eventually, tempDir } from "@parley/testkit";
import { describe, expect, it } from "vitest";
import { addressProblem } from "../../src/mcp/guarded-fetch.ts";
import { ToolError, UnknownEffectError } from "../../src/tools/tool.ts";
import { hostile, openTools, run, startHostileHttp } from "./support/mcp-server.ts";

const near = { private_addresses: true, limits: { start_ms: 3_000, message_bytes: 2 ** 20, messages_per_s: 100 } };
const lost = "the MCP server bad was lost, or gave no answer that can be understood.";

describe("a server over HTTP", () => {
  it("offers its tools, and gets what the file says that it is to get", async () => {
    await using folder = await tempDir();
    const notes = path.join(folder.path, "notes");
    await using server = await startHostileHttp("good", { NOTES: notes });
    process.env["PARLEY_TEST_TOKEN"] = "sesame";
    await using mcp = await openTools({
      far: { url: server.url, ...near, bearer: "PARLEY_TEST_TOKEN", read_tools: ["echo"] },
    });
    delete process.env["PARLEY_TEST_TOKEN"];
    expect(await run(await mcp.offered("far_echo"), { text: "fine" })).toMatchObject({ text: '{"text":"fine"}' });
    expect(await readFile(notes, "utf8")).toContain("tools/call Bearer sesame");
  });

  const calls: [mode: string, ofRead: Error, ofWrite: Error][] = [
    ["redirects@call", ...refused("refused it with the HTTP status 307")],
    ["not-json@call", ...unknown()],
    ["html@call", ...unknown()],
    ["server-error@call", ...unknown()],
    ["unauthorized@call", ...refused("refused it with the HTTP status 401")],
    ["endless-body@call", ...unknown()],
    ["cuts@call", ...unknown()],
  ];
  it.each(calls)("%s: the caller reads why", async (mode, ofRead, ofWrite) => {
    await using server = await startHostileHttp(mode);
    await using mcp = await openTools({ bad: { url: server.url, ...near, read_tools: ["echo"] } });
    await expect(run(await mcp.offered("bad_echo"))).rejects.toThrow(ofRead);
    await expect(run(await mcp.offered("bad_add"))).rejects.toThrow(ofWrite);
  });

  it.each(["hangs@call", "endless-events@call"])("%s: is let go of when the call's time is over", async (mode) => {
    await using folder = await tempDir();
    await using server = await startHostileHttp(mode, { NOTES: path.join(folder.path, "notes") });
    await using mcp = await openTools({
      bad: { url: server.url, ...near, read_tools: ["echo"] },
      good: hostile("good", { read_tools: ["echo"] }),
    });
    const bad = await mcp.offered("bad_echo");
    const stop = new AbortController();
    const call = run(bad, {}, { signal: stop.signal }).catch((error: unknown) => error);
    const before = process.cpuUsage();
    expect(await run(await mcp.offered("good_echo"))).toMatchObject({ text: "{}" });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(700);
    stop.abort();
    expect(await call).toBeInstanceOf(Error);
  });

  it.each(["redirects", "not-json", "html", "server-error", "unauthorized", "endless-body", "hangs", "cuts"])(
    "%s from the beginning: keeps no other from being offered",
    async (mode) => {
      await using server = await startHostileHttp(mode);
      await using mcp = await openTools({ bad: { url: server.url, ...near }, good: hostile("good") });
      await mcp.offered("good_echo");
      await eventually(() => mcp.problems().some((problem) => problem.includes("cannot be used")), {
        what: "the problem",
        timeoutMs: 10_000,
      });
      expect(mcp.tools().every(({ definition }) => definition.name.startsWith("good_"))).toBe(true);
    },
  );

  it("that is away at the start offers its tools when it is there, and again after it was lost", async () => {
    await using server = await startHostileHttp("good");
    await server.kill();
    await using mcp = await openTools({ late: { url: server.url, ...near, read_tools: ["echo"] } });
    await eventually(() => mcp.problems().length === 1, { what: "its being away" });
    await server.restart();
    const tool = await mcp.offered("late_echo", 15_000);
    await server.kill();
    await expect(run(tool)).rejects.toThrow(new ToolError("Not run: the MCP server late cannot be reached."));
    await server.restart();
    await eventually(() => run(tool), { what: "an answer", timeoutMs: 15_000 });
  });
});

function refused(why: string): [Error, Error] {
  const error = new ToolError(`Not run: the MCP server bad ${why}.`);
  return [error, error];
}

function unknown(): [Error, Error] {
  return [new ToolError(`No result: ${lost}`), new UnknownEffectError(lost)];
}

describe("the address of a server", () => {
  it.each([
    "127.0.0.1",
    "10.1.2.3",
    "192.168.0.1",
    "172.20.0.1",
    "100.64.0.1",
    "0.0.0.0",
    "::1",
    "::",
    "fd00::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
  ])("%s is within our network: only for servers of which the file says so", (address) => {
    expect(addressProblem(address, false)).toContain("is not a public address");
    expect(addressProblem(address, true)).toBeUndefined();
  });

  it.each(["169.254.169.254", "fe80::1", "::ffff:169.254.169.254"])("%s is never one", (address) => {
    expect(addressProblem(address, true)).toContain("link-local");
  });

  it.each(["93.184.216.34", "2606:2800:220:1::1"])("%s may be one", (address) => {
    expect(addressProblem(address, false)).toBeUndefined();
  });

  it.each(["https://127.0.0.1:8443/mcp", "https://localhost:8443/mcp", "https://[::1]:8443/mcp"])(
    "%s is not connected to",
    async (url) => {
      await using mcp = await openTools({ near: { url } });
      await eventually(() => mcp.problems().some((problem) => problem.includes("is not a public address")), {
        what: "the refusal",
      });
    },
  );
});
