import { describe, expect, it } from "vitest";
import { hostile, openTools, run } from "./support/mcp-server.ts";

describe("a server that does what it should", () => {
  it("offers its tools, as things that change something unless the file says otherwise", async () => {
    await using mcp = await openTools({ files: hostile("good", { read_tools: ["echo"] }) });
    const { definition } = await mcp.offered("files_echo");
    expect(definition).toMatchObject({ effect: "read", timeout_ms: 60_000 });
    expect(mcp.find("files_add")?.definition).toMatchObject({ effect: "write", approval: "required" });
    expect(await run(await mcp.offered("files_echo"), { text: "fine" })).toMatchObject({ text: '{"text":"fine"}' });
    expect(mcp.problems()).toEqual([]);
  });

  it("has only the tools that the file wants", async () => {
    await using mcp = await openTools({
      some: hostile("good", { tools: ["echo"] }),
      fewer: hostile("good", { without: ["echo"] }),
    });
    await mcp.offered("some_echo");
    await mcp.offered("fewer_add");
    expect(mcp.tools().map(({ definition }) => definition.name)).toEqual(
      expect.arrayContaining(["some_echo", "fewer_add"]),
    );
    expect(mcp.tools()).toHaveLength(2);
  });

  it("says what a call would touch, and what people agree to", async () => {
    await using mcp = await openTools({ files: hostile("good") });
    const prepared = (await mcp.offered("files_add")).prepare({ path: "/x" });
    if ("problem" in prepared) throw new Error(prepared.problem);
    const context = { callId: "t-0-0", user: { id: "u" }, signal: AbortSignal.timeout(1_000), progress: () => {} };
    expect(await prepared.access?.(context)).toEqual([{ system: "mcp:files", verb: "call", name: "add" }]);
    expect(prepared.approval?.summary()).toBe("Calls add of the MCP server files.");
    expect((await prepared.approval?.preview(context))?.text).toContain('"path": "/x"');
  });

  it("shows how far a call is", async () => {
    await using mcp = await openTools({ s: hostile("progress") });
    const said: string[] = [];
    await run(await mcp.offered("s_echo"), {}, { progress: (text) => said.push(text) });
    expect(said).toEqual(["1 of 2", "2 of 2"]);
  });
});
