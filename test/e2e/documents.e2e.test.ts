import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { startSystem, tempDir, type Service, type System, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { docx, pdf } from "../../services/agent-worker/test/retrieval/sample-documents.ts";
import { createToken } from "../chaos/clients/token.ts";

const issuers = `
issuers: []
shared_secret: { roles: { claim: roles }, tenant: { claim: tenant } }
`;
const house = `
name: general
description: Answers from what its tenant has brought.
examples: []
system_prompt: You answer questions about the house.
collections: ["tenant:*"]
`;

let system: System;
let folder: TempDir;

beforeAll(async () => {
  folder = await tempDir();
  await mkdir(path.join(folder.path, "agents"));
  await writeFile(path.join(folder.path, "issuers.yaml"), issuers);
  await writeFile(path.join(folder.path, "agents/general.yaml"), house);
  system = await startSystem({
    ...{ edges: 2, agentWorkers: 2, toolWorkers: 0 },
    env: {
      edge: { ISSUERS_FILE: path.join(folder.path, "issuers.yaml") },
      "agent-worker": {
        AGENTS_DIR: path.join(folder.path, "agents"),
        SLOTS: "1",
        OPENAI_MODEL: "parley-simulated-fast",
      },
    },
  });
}, 120_000);
afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

// oxlint-disable-next-line typescript/no-explicit-any
type Answer = { status: number; body: any };

function person(edge: Service, { name, tenant, roles = [] }: { name: string; tenant: string; roles?: string[] }) {
  const token = createToken(system.jwtSecret, name, undefined, { roles, tenant });
  const authorization = { authorization: `Bearer ${token}` };
  const ask = async (method: string, where: string, body?: object | FormData): Promise<Answer> => {
    const isForm = body instanceof FormData;
    const response = await fetch(`http://127.0.0.1:${edge.port}/api/v1/${where}`, {
      method,
      headers: { ...authorization, ...(isForm ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  return {
    ask,
    upload(file: string, bytes: Uint8Array, fields: Record<string, string> = {}): Promise<Answer> {
      const form = new FormData();
      form.set("file", new Blob([bytes as Uint8Array<ArrayBuffer>]), file);
      for (const [field, value] of Object.entries(fields)) form.set(field, value);
      return ask("POST", "documents/upload", form);
    },
    search: async (query: string, more: object = {}): Promise<string[]> => {
      const { body } = await ask("POST", "documents/search", { query, ...more });
      return body.results.map(({ content }: { content: string }) => content);
    },
    /** Both workers are asked: each has one slot. */
    answers: async (message: string): Promise<string[]> => {
      const asked = await Promise.all(Array.from({ length: 4 }, () => ask("POST", "chat", { message })));
      return [...new Set(asked.map(({ body }) => body.response))];
    },
  };
}

const texts = (answer: Answer): string[] => answer.body.documents.map(({ source }: { source: string }) => source);
const edges = () => [system.edges[0]!, system.edges[1]!] as const;

it("what is brought at one edge is found at the other, and both workers answer from it, within 5 s; what is removed is gone", async () => {
  const [here, there] = edges();
  const lena = person(here, { name: "lena", tenant: "north", roles: ["librarian"] });
  const nils = person(there, { name: "nils", tenant: "north" });
  const question = "How many litres of oil does the boiler take?";
  expect(await nils.answers(question)).toEqual([expect.stringContaining("do not say")]);

  const began = performance.now();
  const brought = await lena.upload("boiler.md", Buffer.from("# Boiler\n## Oil\nThe boiler takes 77 litres of oil."), {
    document_type: "manual",
  });
  expect(brought).toMatchObject({
    status: 200,
    body: { filename: "boiler.md", document_type: "manual", chunks_created: 1, tokens_used: 0, title: "Boiler" },
  });
  expect(await nils.search("litres of oil")).toEqual(["The boiler takes 77 litres of oil."]);
  expect(await nils.answers(question)).toEqual([expect.stringContaining("77 litres of oil. [1]")]);
  expect(performance.now() - began).toBeLessThan(5_000);

  const { body } = await nils.ask("POST", "documents/search", { query: "litres of oil" });
  expect(body).toMatchObject({ total: 1, query: "litres of oil" });
  const [found] = body.results;
  expect(found).toMatchObject({ source: "boiler.md", metadata: { title: "Boiler › Oil", document_type: "manual" } });
  const source = found.link.replace("/api/v1/", "");
  expect((await nils.ask("GET", source)).body).toMatchObject({
    ...{ text: "The boiler takes 77 litres of oil.", heading: "Oil", path: "documents/boiler.md" },
  });
  const other = person(there, { name: "sven", tenant: "south", roles: ["librarian"] });
  expect(await other.ask("GET", source)).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });

  await lena.upload("boiler.md", Buffer.from("# Boiler\nThe boiler takes 88 litres of oil."));
  expect(await nils.answers(question)).toEqual([expect.stringContaining("88 litres")]);
  expect(await lena.ask("DELETE", "documents/boiler.md")).toMatchObject({
    status: 200,
    body: { message: "Document deleted", source: "boiler.md", chunks_deleted: 1 },
  });
  expect(await nils.search("litres of oil")).toEqual([]);
  expect(await nils.answers(question)).toEqual([expect.stringContaining("do not say")]);
  expect(await nils.ask("GET", source)).toMatchObject({ status: 404 });
  expect(await lena.ask("DELETE", "documents/boiler.md")).toMatchObject({ status: 404 });
}, 120_000);

it("tenants never meet: not in lists, searches, answers or removals", async () => {
  const [here, there] = edges();
  const one = person(here, { name: "ida", tenant: "east", roles: ["librarian"] });
  const other = person(there, { name: "otto", tenant: "west", roles: ["librarian"] });
  const text = (place: string) => ({
    source: "rules.md",
    text: `# Rules\nThe secret garden key is under the ${place}.`,
  });
  expect(await one.ask("POST", "documents/ingest-text", text("stone"))).toMatchObject({ status: 200 });
  expect(await other.search("secret garden key")).toEqual([]);
  expect(texts(await other.ask("GET", "documents"))).toEqual([]);
  expect(await other.ask("DELETE", "documents/rules.md")).toMatchObject({ status: 404 });
  await other.ask("POST", "documents/ingest-text", text("roof"));
  expect(await one.search("secret garden key")).toEqual(["The secret garden key is under the stone."]);
  expect(await other.search("secret garden key")).toEqual(["The secret garden key is under the roof."]);
  expect(await other.answers("Where is the secret garden key?")).toEqual([expect.stringContaining("roof")]);
  expect(await one.answers("Where is the secret garden key?")).toEqual([expect.stringContaining("stone")]);
}, 60_000);

it("all formats are read, and listed in the form of seed C", async () => {
  const [here] = edges();
  const lena = person(here, { name: "lena", tenant: "formats", roles: ["librarian"] });
  const word = await docx({ text: "Pump", heading: 1 }, { text: "The pump needs 12 bar." });
  expect(await lena.upload("pump.docx", word, { collection: "machines" })).toMatchObject({ status: 200 });
  const sheet = pdf([{ text: "Valve", size: 20 }, { text: "The valve opens at 9 bar." }]);
  expect(await lena.upload("valve.pdf", sheet, { collection: "machines" })).toMatchObject({ status: 200 });
  expect(await lena.upload("gauge.html", Buffer.from("<h1>Gauge</h1><p>It shows 4 bar."))).toMatchObject({
    status: 200,
  });
  expect(await lena.search("pump bar", { top_k: 1 })).toEqual(["The pump needs 12 bar."]);
  expect(await lena.search("valve opens", { collection: "machines" })).toEqual(["The valve opens at 9 bar."]);
  expect(await lena.search("valve opens", { collection: "documents" })).toEqual([]);
  for (const list of ["documents", "documents/", "documents/list"])
    expect(texts(await lena.ask("GET", list))).toEqual(["pump.docx", "valve.pdf", "gauge.html"]);
  expect((await lena.ask("GET", "documents/stats")).body).toEqual({
    ...{ total_chunks: 3, total_sources: 3, total_document_types: 1 },
  });
  expect(await lena.ask("DELETE", "documents/pump.docx?collection=machines")).toMatchObject({ status: 200 });
}, 60_000);

it("only who has the right brings and removes, and what cannot be read is refused with its reason", async () => {
  const [here] = edges();
  const nils = person(here, { name: "nils", tenant: "north" });
  const lena = person(here, { name: "lena", tenant: "north", roles: ["librarian"] });
  const forbidden = { status: 403, body: { code: "FORBIDDEN", error: expect.stringContaining("documents:write") } };
  expect(await nils.upload("a.md", Buffer.from("# A\nText."))).toMatchObject(forbidden);
  expect(await nils.ask("DELETE", "documents/a.md")).toMatchObject(forbidden);
  const refused = async (file: string, bytes: Uint8Array, status = 400): Promise<string> => {
    const answer = await lena.upload(file, bytes);
    expect(answer.status).toBe(status);
    return answer.body.error;
  };
  expect(await refused("old.txt", Buffer.from("Größe", "latin1"))).toBe("The document old.txt is not UTF-8.");
  expect(await refused("a.exe", Buffer.from("MZ"))).toContain("Documents end in .md");
  expect(await refused("a.md", Buffer.from(""))).toBe("The document is empty.");
  expect(await refused("a.pdf", Buffer.from("no"))).toBe("The document a.pdf is no PDF that can be read.");
  expect(await refused("big.txt", Buffer.alloc(9 * 2 ** 20, "a "), 413)).toContain("larger than");
  expect(texts(await lena.ask("GET", "documents"))).toEqual([]);
  const noForm = await lena.ask("POST", "documents/upload", { file: "text" });
  expect(noForm).toMatchObject({ status: 400, body: { error: "Send a form as multipart/form-data." } });
}, 60_000);
