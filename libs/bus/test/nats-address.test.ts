import { expect, it } from "vitest";
import { parseNatsAddress } from "../src/nats-address.ts";

it.each([
  ["127.0.0.1:4222", { servers: ["127.0.0.1:4222"] }],
  ["nats://a:4222, nats://b:4223", { servers: ["a:4222", "b:4223"] }],
  ["nats://edge:p%40ss@a:4222,nats://b:4222", { servers: ["a:4222", "b:4222"], user: "edge", pass: "p@ss" }],
  ["nats://secret-token@a:4222", { servers: ["a:4222"], token: "secret-token" }],
  ["tls://a:4222", { servers: ["a:4222"], tls: {} }],
])("reads %s", (list, expected) => {
  expect(parseNatsAddress(list)).toEqual(expected);
});

it("says what an address looks like, and not what was given", () => {
  expect(() => parseNatsAddress("nats://user:secret@")).toThrow(/^NATS_URL is not a list/);
});
