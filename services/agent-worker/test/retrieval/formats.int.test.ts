import type { DocumentKind } from "@parley/protocol";
import JSZip from "jszip";
import { describe, expect, test } from "vitest";
import { createDocumentReader } from "../../src/retrieval/formats/document-reader.ts";
import { docx, docxOf, pdf } from "./sample-documents.ts";

const read = createDocumentReader();
const passagesOf = async (kind: DocumentKind, bytes: Uint8Array) =>
  (await read({ kind, name: "notes.x", bytes })).chunks.map(({ title, text }) => [title, text]);
const refusal = (kind: DocumentKind, bytes: Uint8Array, within?: number): Promise<unknown> =>
  createDocumentReader(within)({ kind, name: "notes.x", bytes }).then(
    () => "read",
    (error: Error) => error.message,
  );
const utf8 = (text: string) => Buffer.from(text);

describe("a document", () => {
  test("of HTML has the headings above each passage, lists, tables and code", async () => {
    const html = `<html><head><title>Car</title><style>p {}</style></head><body><h1>Aurora</h1><p>It  is
      blue &amp; fast.</p><h2>Tyres</h2><ul><li>front: <b>2.4</b> bar<li>rear<ul><li>full: 2.9 bar</ul></ul>
      <h2>Data</h2><table><tr><th>part<th>holds<tr><td>tank<td>50 l</table><pre><code>run
  now # really</code></pre><script>never()</script></body></html>`;
    expect(await passagesOf("html", utf8(html))).toEqual([
      ["Aurora", "It is blue & fast."],
      ["Aurora › Tyres", "- front: 2.4 bar\n- rear\n  - full: 2.9 bar"],
      ["Aurora › Data", "| part | holds |\n| --- | --- |\n| tank | 50 l |\n\n```\nrun\n  now # really\n```"],
    ]);
  });

  test("of DOCX has the headings above each passage", async () => {
    const bytes = await docx(
      { text: "Aurora", heading: 1 },
      { text: "Oil", heading: 2 },
      { text: "It takes 4 litres of 0W-20." },
    );
    expect(await passagesOf("docx", bytes)).toEqual([["Aurora › Oil", "It takes 4 litres of 0W-20."]]);
  });

  test("of PDF has larger lines as headings, and all of its pages", async () => {
    const bytes = pdf(
      [{ text: "Aurora", size: 22 }, { text: "Oil", size: 16 }, { text: "It takes 4 litres" }, { text: "of 0W-20." }],
      [{ text: "Tank", size: 16 }, { text: "It holds 50 litres." }],
    );
    expect(await passagesOf("pdf", bytes)).toEqual([
      ["Aurora › Oil", "It takes 4 litres\nof 0W-20."],
      ["Aurora › Tank", "It holds 50 litres."],
    ]);
  });

  test("of text is named by its file, and may be UTF-16 if it says so", async () => {
    expect(await passagesOf("text", utf8("# Größe"))).toEqual([["notes", "# Größe"]]);
    const utf16 = Buffer.from("\uFEFFGröße", "utf16le");
    expect(await passagesOf("text", utf16)).toEqual([["notes", "Größe"]]);
    expect(await passagesOf("text", Buffer.from(utf16).swap16())).toEqual([["notes", "Größe"]]);
  });
});

describe("what is no such document is refused with its reason", () => {
  test.each<[string, DocumentKind, Uint8Array, string]>([
    ["another encoding", "text", Buffer.from("Größe", "latin1"), "is not UTF-8"],
    ["another encoding in HTML", "html", Buffer.from("<p>Größe", "latin1"), "is not UTF-8"],
    ["bytes", "markdown", Buffer.from([0x50, 0, 0x51]), "is no text"],
    ["no PDF", "pdf", utf8("%PDF-1.4 no"), "is no PDF that can be read"],
    ["a PDF without text", "pdf", pdf([]), "has no text: it may be a scan"],
    ["no archive", "docx", utf8("PK no"), "is no DOCX"],
  ])("%s", async (_what, kind, bytes, why) => {
    expect(await refusal(kind, bytes)).toBe(why);
  });
});

/** Each of these is small, and would cost whoever reads it without bounds seconds, gigabytes or its stack. */
describe("a hostile document costs nobody anything", () => {
  test("an archive that unpacks to a gigabyte", async () => {
    const zip = await JSZip.loadAsync(await docxOf(""));
    const zeros = Buffer.alloc(128 * 2 ** 20, "<w:p/>");
    zip.file("word/document.xml", zeros, { compression: "DEFLATE" });
    const bomb = await zip.generateAsync({ type: "uint8array", compression: "DEFLATE" });
    expect(bomb.length).toBeLessThan(2 ** 20);
    const before = process.memoryUsage().rss;
    expect(await refusal("docx", bomb)).toBe("unpacks to more than is read");
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 2 ** 20);
  });

  test("a PDF of ten thousand pages", async () => {
    const many = pdf(...Array.from({ length: 10_000 }, () => [{ text: "page" }]));
    expect(await refusal("pdf", many)).toBe("has more than 2000 pages");
  });

  test("HTML that is a million tags deep", async () => {
    expect(await refusal("html", utf8(`${"<div>".repeat(1_000_000)}deep`))).toBe("is nested too deeply");
  });

  test("a DOCX of a hundred thousand tables in each other", async () => {
    const deep = await docxOf("<w:tbl><w:tr><w:tc>".repeat(100_000));
    expect(await refusal("docx", deep)).toMatch(/^is no DOCX|^takes too much memory/);
  });

  test("whatever takes longer than it may, while the process goes on", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    const slow = utf8(Array.from({ length: 9_000 }, (_, nth) => `<x${nth}>`).join("") + "</y>".repeat(2_000_000));
    expect(await refusal("html", slow, 1_000)).toBe("takes longer than 1 s to read");
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(20);
  });
});
