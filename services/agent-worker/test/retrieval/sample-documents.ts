import JSZip from "jszip";

/** Documents as other programs write them, made here so that each test says what is in them. */

const wordNames = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
const packageNames = "http://schemas.openxmlformats.org/package/2006";

export interface Paragraph {
  readonly text: string;
  /** 1 to 6. */
  readonly heading?: number;
}

function paragraphXml({ text, heading }: Paragraph): string {
  const style = heading === undefined ? "" : `<w:pPr><w:pStyle w:val="Heading${heading}"/></w:pPr>`;
  return `<w:p>${style}<w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`;
}

/** The parts of a DOCX around a body of XML. */
export async function docxOf(body: string): Promise<Uint8Array> {
  const zip = new JSZip();
  zip.file(
    "[Content_Types].xml",
    `<?xml version="1.0"?><Types xmlns="${packageNames}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`,
  );
  zip.file(
    "_rels/.rels",
    `<?xml version="1.0"?><Relationships xmlns="${packageNames}/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`,
  );
  const styles = [1, 2, 3].map(
    (level) => `<w:style w:type="paragraph" w:styleId="Heading${level}"><w:name w:val="heading ${level}"/></w:style>`,
  );
  zip.file("word/styles.xml", `<?xml version="1.0"?><w:styles ${wordNames}>${styles.join("")}</w:styles>`);
  zip.file(
    "word/_rels/document.xml.rels",
    `<?xml version="1.0"?><Relationships xmlns="${packageNames}/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>`,
  );
  zip.file("word/document.xml", `<?xml version="1.0"?><w:document ${wordNames}><w:body>${body}</w:body></w:document>`);
  return zip.generateAsync({ type: "uint8array", compression: "DEFLATE" });
}

export function docx(...paragraphs: readonly Paragraph[]): Promise<Uint8Array> {
  return docxOf(paragraphs.map(paragraphXml).join(""));
}

export interface PdfLine {
  readonly text: string;
  /** In points. Default: 11. */
  readonly size?: number;
}

function pageStream(lines: readonly PdfLine[]): string {
  let y = 780;
  const drawn = lines.map(({ text, size = 11 }) => {
    y -= size * 1.4;
    return `BT /F1 ${size} Tf 50 ${y.toFixed(1)} Td (${text.replaceAll(/[\\()]/g, String.raw`\$&`)}) Tj ET`;
  });
  return drawn.join("\n");
}

/** A PDF with a page for each list of lines. */
export function pdf(...pages: readonly (readonly PdfLine[])[]): Uint8Array {
  const objects: string[] = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "",
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  const kids: string[] = [];
  for (const lines of pages) {
    const stream = pageStream(lines);
    objects.push(`<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`);
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${objects.length} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
    );
    kids.push(`${objects.length} 0 R`);
  }
  objects[1] = `<< /Type /Pages /Kids [${kids.join(" ")}] /Count ${kids.length} >>`;
  let text = "%PDF-1.4\n";
  const offsets = objects.map((object, nth) => {
    const at = text.length;
    text += `${nth + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const table = offsets.map((at) => `${String(at).padStart(10, "0")} 00000 n \n`).join("");
  const end = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF\n`;
  return Buffer.from(text + end, "latin1");
}
