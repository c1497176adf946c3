import { writeFile } from "node:fs/promises";
import path from "node:path";
import { tempDir } from "@parley/testkit";
import { describe, expect, it } from "vitest";
import { loadMcpFile } from "../../src/mcp/mcp-file.ts";

async function load(text: string, env: Record<string, string> = {}) {
  await using folder = await tempDir();
  const file = path.join(folder.path, "mcp.yaml");
  await writeFile(file, text);
  return await loadMcpFile(file, env);
}

const problemOf = (text: string, env?: Record<string, string>): Promise<string> =>
  load(text, env).then(
    () => "none",
    (error: unknown) => (error instanceof Error ? error.message.replaceAll(/\S+mcp\.yaml/g, "mcp.yaml") : ""),
  );

const personal = (oauth: string, more = "    offers: [{ name: a }]\n", url = "https://a.example/mcp"): string =>
  `servers:\n  tickets:\n    url: ${url}\n${more}    oauth:\n      per: user\n      token_url: https://l.example/t\n      client_id: p\n${oauth}`;
const authorize = "      authorize_url: https://l.example/a\n";

describe("a server at which each user has an account", () => {
  it("says where it is allowed and what is offered, as tools/list says it", async () => {
    const offer = '{ name: find, description: Finds., inputSchema: { type: object, properties: {} }, title: "Find" }';
    const text = personal(
      `${authorize}      client_secret: SECRET\n      resource: https://a.example/mcp\n      scope: tickets\n`,
      `    offers: [${offer}, { name: bare }]\n`,
    );
    const [server] = await load(text, { SECRET: "s3cret" });
    expect(server?.oauth).toBeUndefined();
    expect(server?.personal).toMatchObject({
      ...{
        authorizeUrl: "https://l.example/a",
        tokenUrl: "https://l.example/t",
        clientId: "p",
        clientSecret: "s3cret",
      },
      ...{ resource: "https://a.example/mcp", scope: "tickets" },
      offers: [
        { name: "find", description: "Finds." },
        { name: "bare", inputSchema: { type: "object" } },
      ],
    });
    expect(server?.limits.sessions).toBe(100);
  });

  it.each<[string, string, string]>([
    ["no authorize_url", personal(""), 'mcp.yaml:6: the field "servers.tickets.oauth.authorize_url" is missing'],
    ["nothing offered", personal(authorize, ""), 'mcp.yaml:3: the field "servers.tickets.offers" is missing'],
    [
      "a refresh token of everybody's",
      personal(`${authorize}      refresh_token: R\n`),
      'mcp.yaml:10: servers.tickets.oauth.refresh_token is not for "per: user": each user has their own',
    ],
    [
      "a plain address",
      personal("      authorize_url: http://l.example/a\n"),
      'mcp.yaml:9: servers.tickets.oauth.authorize_url must begin with https:// unless "private_addresses" is true',
    ],
    ["a resource with a fragment", personal(`${authorize}      resource: https://a.example/#x\n`), "no fragment"],
    ["a secret that is not there", personal(`${authorize}      client_secret: NONE\n`), "the environment has no NONE"],
    [
      "fields of it elsewhere",
      "servers:\n  a:\n    url: https://a.example\n    offers: []\n    oauth: { token_url: https://l.example, client_id: p, resource: https://a.example }\n",
      'mcp.yaml:5: servers.a.oauth.resource is for "per: user"',
    ],
  ])("is refused with %s", async (_, text, problem) => {
    expect(await problemOf(text)).toContain(problem);
  });
});

describe("the file of the MCP servers", () => {
  it("may have none", async () => {
    expect(await load("servers: {}")).toEqual([]);
  });

  it("gives a process what it names, with secrets from the environment, and little else", async () => {
    const [server] = await load(
      "servers:\n  files:\n    command: run\n    env: { MODE: quiet }\n    secrets: { API: OUR_API }\n",
      { OUR_API: "s3cret", PATH: "/bin", HOME: "/root", NATS_URL: "nats://u:p@h" },
    );
    expect(server?.env).toEqual({ PATH: "/bin", MODE: "quiet", API: "s3cret" });
    expect(server).toMatchObject({ name: "files", era: "auto", read_tools: [], limits: { calls: 8, tools: 100 } });
  });

  it("gives an address its headers", async () => {
    const [server] = await load(
      "servers:\n  far:\n    url: https://a.example/mcp\n    headers: { X-Team: ops }\n    bearer: TOKEN\n",
      {
        TOKEN: "t",
      },
    );
    expect(server?.headers).toEqual({ "X-Team": "ops", Authorization: "Bearer t" });
  });

  it.each<[string, string, string]>([
    [
      "a server that is neither",
      "servers:\n  a:\n    args: [x]\n",
      'mcp.yaml:3: servers.a must have either "command" or "url"',
    ],
    ["both", "servers:\n  a:\n    command: x\n    url: https://a.example\n", 'must have either "command" or "url"'],
    [
      "a name of ours",
      "servers:\n  k8s:\n    command: x\n",
      "mcp.yaml:3: servers.k8s must have another name: our own tools begin with it",
    ],
    ["an underscore", "servers:\n  a_b:\n    command: x\n", "must be 1 to 30 small letters, digits or hyphens"],
    [
      "a secret",
      "servers:\n  a:\n    command: x\n    env:\n      API_TOKEN: abc\n",
      "mcp.yaml:5: servers.a.env.API_TOKEN must not stand here: name the variable that has it",
    ],
    [
      "a secret header",
      "servers:\n  a:\n    url: https://a.example\n    headers:\n      Authorization: Bearer abc\n",
      "mcp.yaml:5: servers.a.headers.Authorization must not stand here",
    ],
    [
      "no secret",
      "servers:\n  a:\n    command: x\n    secrets:\n      API: NOT_SET\n",
      "mcp.yaml:5: the environment has no NOT_SET",
    ],
    [
      "plain http",
      "servers:\n  a:\n    url: http://a.example\n",
      'mcp.yaml:3: servers.a.url must begin with https:// unless "private_addresses" is true',
    ],
    [
      "a field of the other kind",
      "servers:\n  a:\n    command: x\n    bearer: T\n",
      "mcp.yaml:4: servers.a.bearer is for servers with a url",
    ],
    ["an unknown field", "servers:\n  a:\n    command: x\n    trust: all\n", 'mcp.yaml:4: unknown field "trust"'],
    [
      "a limit beyond its bound",
      "servers:\n  a:\n    command: x\n    limits: { calls: 0 }\n",
      "mcp.yaml:4: servers.a.limits.calls must be 1 or more",
    ],
  ])("is refused with %s: the line is named", async (_, text, expected) => {
    expect(await problemOf(text)).toContain(expected);
  });

  it("is refused with all its problems at once", async () => {
    const problems = await problemOf("servers:\n  a:\n    command: x\n    trust: all\n  b:\n    url: ftp://x\n");
    expect(problems).toContain("mcp.yaml:4");
    expect(problems).toContain("mcp.yaml:6");
  });
});
