import { expect, it } from "vitest";
import { bearerIn, credentialAtUpgrade, type Carried, type Credential } from "../src/credential.ts";

const nothing: Carried = {
  authorization: "",
  protocols: [""],
  token: undefined,
  ticket: undefined,
  session: undefined,
};

it.each<[string, Partial<Carried>, Credential | undefined]>([
  ["nothing", {}, undefined],
  ["a header", { authorization: "Bearer abc" }, { kind: "token", token: "abc" }],
  ["a header of a proxy", { authorization: "Basic abc" }, undefined],
  ["a subprotocol", { protocols: ["parley.v1", "bearer.abc"] }, { kind: "token", token: "abc" }],
  ["the address", { token: "abc" }, { kind: "token", token: "abc" }],
  ["an empty address", { token: "", ticket: "" }, undefined],
  ["a ticket", { ticket: "t" }, { kind: "ticket", ticket: "t" }],
  ["a cookie", { session: "s" }, { kind: "session", id: "s" }],
  [
    "the same three times",
    { authorization: "bearer  abc", protocols: ["bearer.abc"], token: "abc" },
    { kind: "token", token: "abc" },
  ],
  ["a token and a cookie, which comes by itself", { token: "abc", session: "s" }, { kind: "token", token: "abc" }],
  ["a ticket and a cookie", { ticket: "t", session: "s" }, { kind: "ticket", ticket: "t" }],
  ["two tokens", { authorization: "Bearer abc", token: "abd" }, { kind: "contradiction" }],
  ["two subprotocols", { protocols: ["bearer.abc", "bearer.abd"] }, { kind: "contradiction" }],
  ["a token and a ticket", { token: "abc", ticket: "t" }, { kind: "contradiction" }],
])("a socket opened with %s", (_what, carried, expected) => {
  expect(credentialAtUpgrade({ ...nothing, ...carried })).toEqual(expected);
});

it.each([
  ["Bearer abc", "abc"],
  ["  BEARER   abc ", "abc"],
  ["Bearer", undefined],
  ["Basic abc", undefined],
  ["", undefined],
])("of the header %o the token is %o", (header, token) => {
  expect(bearerIn(header)).toBe(token);
});
