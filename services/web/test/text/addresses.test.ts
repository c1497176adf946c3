import { describe, expect, test } from "vitest";
import { hostBehind, imageAddress, linkAddress } from "../../src/text/addresses.ts";

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
    "https://bank.example@evil.example/",
    "https://bank.example:x@evil.example/",
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

describe("behind a link whose text looks like another address is", () => {
  test.each([
    ["https://bank.example", "https://evil.example/login", "evil.example"],
    ["www.bank.example/login", "https://evil.example", "evil.example"],
    ["bank.example", "https://bank.example.evil.example", "bank.example.evil.example"],
    ["bаnk.example", "https://bank.example", "bank.example"],
    ["\u202Eelpmaxe.knab\u202C", "https://evil.example:8443", "evil.example:8443"],
  ])("%j at %s: %s", (text, address, host) => {
    expect(hostBehind(address, text)).toBe(host);
  });

  test.each([
    ["https://docs.example/a", "https://docs.example/a"],
    ["docs.example", "https://www.docs.example"],
    ["the documents", "https://docs.example"],
    ["ada@example.com", "mailto:ada@example.com"],
  ])("nothing more to be said of %j at %s", (text, address) => {
    expect(hostBehind(address, text)).toBeUndefined();
  });
});
