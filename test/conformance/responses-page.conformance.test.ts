import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasClients } from "./client-run.ts";
import { runExample } from "./page-example.ts";
import { startConformanceWorld, type ConformanceWorld } from "./world.ts";

/** The examples of docs/openai-responses.md. */

const page = "openai-responses.md";

describe.skipIf(!hasClients)("the page of OpenAI's Responses", () => {
  let world: ConformanceWorld;
  beforeAll(async () => {
    world = await startConformanceWorld();
  }, 90_000);
  afterAll(() => world[Symbol.asyncDispose]());

  const run = async (at: number) => {
    const packages = { openai: "openai-7" };
    const example = await runExample(page, world.url, { at, packages, env: { TOKEN: await world.token() } });
    expect([await example.ended, example.output()]).toEqual([0, expect.any(String)]);
    return example.output();
  };

  test("asks with curl, without a token on this machine", async () => {
    const example = await runExample(page, world.url, { language: "sh" });
    expect(await example.ended).toBe(0);
    expect(JSON.parse(example.output())).toMatchObject({ object: "response", status: "completed" });
  });

  test("asks, goes on, and resumes", async () => {
    const output = await run(0);
    expect(output).toContain("CrashLoopBackOff");
    expect(output).toMatch(/^18 response\./m);
    expect(output).toMatch(/\d+ response\.completed\n$/);
  });

  test("asks on a socket", async () => {
    expect(await run(1)).toContain("pods");
  });
});
