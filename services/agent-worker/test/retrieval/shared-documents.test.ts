import { createHash } from "node:crypto";
import { KnowledgeEntry, knowledgeLimits } from "@parley/protocol";
import { describe, expect, test } from "vitest";
import { sharedDocuments } from "../../src/retrieval/shared-documents.ts";

const document = (file: string, text = "Text.", title = "Title") => ({
  ...{ collection: file.split("/")[0] ?? "", file, title, text },
});
const agents = [
  { name: "specs", collections: ["manual"] },
  { name: "general", collections: ["manual", "faq"] },
  { name: "alone", collections: [] },
];
const filesOf = ({ shared }: ReturnType<typeof sharedDocuments>) => shared.map(({ file }) => file);

describe("the documents that edges are told of", () => {
  test("say whose knowledge they are", () => {
    const { shared } = sharedDocuments([document("manual/a.md"), document("faq/b.md")], agents);
    expect(shared.map(({ file, agents: names }) => [file, names])).toEqual([
      ["manual/a.md", ["specs", "general"]],
      ["faq/b.md", ["general"]],
    ]);
  });

  test("are none of those that no agent has", () => {
    expect(sharedDocuments([document("drafts/a.md")], agents)).toEqual({ shared: [], leftOut: [] });
  });

  test("have a length and a hash of what is sent, in UTF-8", () => {
    const [one] = sharedDocuments([document("faq/a.md", "Größe \ud800")], agents).shared;
    const text = "Größe \ufffd";
    const hash = createHash("sha256").update(text).digest("hex");
    expect(one).toMatchObject({ text, bytes: Buffer.byteLength(text), hash });
  });

  test("are left out where one is too long, and the others stay", () => {
    const long = "x".repeat(knowledgeLimits.documentBytes);
    const all = [document("faq/a.md", `${long}x`), document("faq/b.md", long), document("faq/c.md")];
    const told = sharedDocuments(all, agents);
    expect([filesOf(told), told.leftOut]).toEqual([["faq/b.md", "faq/c.md"], ["faq/a.md"]]);
  });

  test("are together within the limits, the first ones first", () => {
    const long = "x".repeat(knowledgeLimits.documentBytes);
    const told = sharedDocuments(
      Array.from({ length: 40 }, (_, nth) => document(`faq/${nth}.md`, long)),
      agents,
    );
    expect([told.shared.length, told.leftOut.length]).toEqual([32, 8]);
    const many = Array.from({ length: 600 }, (_, nth) => document(`faq/${nth}.md`));
    expect(filesOf(sharedDocuments(many, agents))).toHaveLength(knowledgeLimits.documents);
  });

  test("are read by who is told of them, however they are called", () => {
    const all = [document("faq/a.md", "", "T".repeat(1_000)), document(`faq/${"n".repeat(300)}.md`)];
    const { shared, leftOut } = sharedDocuments(all, agents);
    for (const { text: _, ...one } of shared) expect(KnowledgeEntry.parse(one)).toEqual(one);
    expect([shared.length, leftOut.length]).toEqual([1, 1]);
  });
});
