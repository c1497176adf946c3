import { describe, expect, test } from "vitest";
import { imageAddress, linkAddress } from "../../src/text/addresses.ts";

describe("a link leads", () => {
  test.each([
    ["https://docs.example/a?b=c#d", "https://docs.example/a?b=c#d"],
    ["HTTP://docs.example", "http://docs.example/"],
    ["mailto:ada@example.com", "mailto:ada@example.com"],
    ["#r1-fn-1", "#r1-fn-1"],
  ])("to %s", (address, expected) => {
    expect(linkAddress(address)).toBe(expected);
  });

  test.each([
    "javascript:alert(1)",
    "JaVaScript:alert(1)",
    " https://docs.example",
    "java\tscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://docs.example/1",
    "ftp://docs.example",
    "tel:+1",
    "//docs.example",
    "/auth/logout",
    "docs.example",
    "https:\\\\docs.example",
    "https://",
    "#a b",
    "",
  ])("nowhere with %j", (address) => {
    expect(linkAddress(address)).toBeUndefined();
  });
});

describe("an image is loaded", () => {
  test("from the answer itself", () => {
    const address = "data:image/png;base64,iVBORw0KGgo=";
    expect(imageAddress(address)).toBe(address);
  });

  test.each([
    "https://images.example/x.png",
    "//images.example/x.png",
    "/icon.svg",
    "/\\images.example/x.png",
    "data:image/svg+xml;base64,PHN2Zz4=",
    "data:image/png,x",
    "data:text/html;base64,PHN2Zz4=",
    "blob:https://docs.example/1",
    "",
  ])("from nowhere else: %j", (address) => {
    expect(imageAddress(address)).toBeUndefined();
  });
});
