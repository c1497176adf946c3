import { writeFile } from "node:fs/promises";
import path from "node:path";
import { tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { readConnectionSettings } from "../src/commands/connections/connection-file.ts";

const key = Buffer.alloc(32, 7).toString("base64");
const complete = { MCP_TOKEN_KEY: key, PUBLIC_URL: "https://chat.example" };
const personal = `servers:
  files: { command: run, anything: [else] }
  tickets:
    url: https://a.example/mcp
    oauth:
      per: user
      authorize_url: https://l.example/a
      token_url: https://l.example/t
      client_id: p
      client_secret: SECRET
`;

async function read(text: string, config: object = complete, env: Record<string, string> = { SECRET: "s3cret" }) {
  await using folder = await tempDir();
  const file = path.join(folder.path, "mcp.yaml");
  await writeFile(file, text);
  return await readConnectionSettings({ MCP_FILE: file, ...config }, env);
}

it("reads of the file of the MCP servers only what is about accounts of users", async () => {
  expect(await read(personal)).toMatchObject({
    key: Buffer.alloc(32, 7),
    origin: "https://chat.example",
    servers: [{ name: "tickets", url: "https://a.example/mcp", clientId: "p", clientSecret: "s3cret" }],
  });
});

it("has nothing to say where there is no such server", async () => {
  expect(await read("servers: { files: { command: run } }", {})).toBeUndefined();
  expect(
    await read("servers: { a: { url: https://a.example, oauth: { token_url: https://l.example, client_id: p } } }"),
  ).toBeUndefined();
});

it.each([{ MCP_TOKEN_KEY: key }, { PUBLIC_URL: "https://chat.example" }, {}])(
  "says that nobody can connect an account where a setting is missing, and asks for no secret: %o",
  async (config) => {
    expect(await read(personal, config, {})).toBe(
      "Nobody can connect an account at the MCP servers tickets: that needs MCP_TOKEN_KEY and PUBLIC_URL.",
    );
  },
);

it("names what is wrong with its line", async () => {
  await expect(read(personal, complete, {})).rejects.toThrow(/mcp\.yaml:10: the environment has no SECRET/);
  await expect(read(personal.replace("client_id: p", "client: p"))).rejects.toThrow(/unknown field "client"/);
  await expect(read(personal, { ...complete, MCP_FILE: "/nowhere/mcp.yaml" })).rejects.toThrow(/cannot be read/);
});
