import { describe, expect, it } from "vitest";
import { outputOf } from "../../src/mcp/result-text.ts";

const data = Buffer.from([1, 2, 3]).toString("base64");

describe("what an MCP server returns beside text", () => {
  it("is files: images, audio and blobs, named as it names them", () => {
    const { files, text } = outputOf(
      {
        content: [
          { type: "text", text: "Here." },
          { type: "image", data, mimeType: "image/png" },
          { type: "audio", data, mimeType: "audio/wav" },
          {
            type: "resource",
            resource: { uri: "file:///a/../report%20.pdf?x=1", blob: data, mimeType: "application/pdf" },
          },
          { type: "resource", resource: { uri: "memo://1", text: "A memo." } },
        ],
      },
      10_000,
    );
    expect(files?.map(({ name, mediaType, bytes }) => [name, mediaType, bytes.length])).toEqual([
      ["image-2.png", "image/png", 3],
      ["audio-3.wav", "audio/wav", 3],
      ["report%20.pdf", "application/pdf", 3],
    ]);
    expect(text).toContain("[image, image/png, 3 bytes: a file]");
    expect(text).toContain("A memo.");
  });

  it("is no file where there is nothing in it, or too much", () => {
    const large = "A".repeat(24 * 1024 * 1024);
    const content = [
      { type: "image", data: "", mimeType: "image/png" },
      { type: "image", data: large, mimeType: "image/png" },
    ] as const;
    expect(outputOf({ content: [...content] }, 1_000)).not.toHaveProperty("files");
    expect(outputOf({ content: [{ type: "text", text: "a" }] }, 1_000)).not.toHaveProperty("files");
  });
});
