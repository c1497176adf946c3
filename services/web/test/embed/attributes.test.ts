import { expect, test } from "vitest";
import { readAttributes, socketUrl } from "../../src/embed/attributes.ts";

const surroundings = {
  scriptUrl: "https://chat.example/embed/assets/chat-abc.js",
  pageUrl: "https://shop.example/lamps/",
  languages: ["fr-FR", "de-AT", "en"],
};

function read(attributes: Readonly<Record<string, string>>) {
  const given = {
    getAttribute: (name: string) => attributes[name] ?? null,
    hasAttribute: (name: string) => name in attributes,
  };
  return readAttributes(given, surroundings);
}

test("without attributes the server is where the script is, and the language the first that there are words in", () => {
  expect(read({})).toEqual({
    server: "https://chat.example",
    agent: undefined,
    conversation: undefined,
    label: undefined,
    language: "de",
    isOpen: false,
    isKept: true,
  });
});

test.each([
  ["https://other.example/some/path", "https://other.example"],
  ["//other.example", "https://other.example"],
  ["/", "https://shop.example"],
  ["javascript:alert(1)", "https://chat.example"],
  ["data:text/html,x", "https://chat.example"],
  ["https://", "https://chat.example"],
  ["  ", "https://chat.example"],
])("the server %s is %s", (server, expected) => {
  expect(read({ server }).server).toBe(expected);
});

test("the attribute names the language, and one that there are no words in changes nothing", () => {
  expect(read({ language: "en-GB" }).language).toBe("en");
  expect(read({ language: "tlh" }).language).toBe("de");
});

test("the attribute `open` counts without a value", () => {
  expect(read({ open: "", agent: " general ", conversation: "c_1", label: "Ask" })).toMatchObject({
    isOpen: true,
    agent: "general",
    conversation: "c_1",
    label: "Ask",
  });
});

test.each(["../../x", "a b", "c/1", "é", "a".repeat(129)])(
  "what is no id names no conversation: %s",
  (conversation) => {
    expect(read({ conversation }).conversation).toBeUndefined();
  },
);

test("the socket is as safe as the server", () => {
  expect(["https://a.example", "http://127.0.0.1:8000"].map(socketUrl)).toEqual([
    "wss://a.example/ws/chat",
    "ws://127.0.0.1:8000/ws/chat",
  ]);
});

test("the attribute `keep` counts when it is off", () => {
  expect(read({ keep: "off" }).isKept).toBe(false);
  expect(read({ keep: "" }).isKept).toBe(true);
});
