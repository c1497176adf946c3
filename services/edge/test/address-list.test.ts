import { AddressRules } from "@parley/protocol";
import { expect, it } from "vitest";
import { createAddressRules, createRanges } from "../src/admission/address-list.ts";

const ranges = createRanges(["203.0.113.7", "198.51.100.0/24", "2001:db8:1::/48", "2001:db8:2::9"]);

it.each([
  ["203.0.113.7", true],
  ["203.0.113.8", false],
  ["198.51.100.255", true],
  ["198.51.101.0", false],
  ["2001:db8:1:5::/64", true],
  ["2001:db8:1:5::7", true],
  ["2001:db8:3::/64", false],
  ["::ffff:198.51.100.7", true],
  ["", false],
  ["not an address", false],
])("%s is in the ranges: %s", (address, isIn) => {
  expect(ranges(address)).toBe(isIn);
});

it("what is allowed is not denied, and the file may change", () => {
  let rules = AddressRules.parse({ allow: ["203.0.113.7"], deny: ["203.0.113.0/24"] });
  const lists = createAddressRules(() => rules);
  expect([lists.refresh(), lists.refresh()]).toEqual([true, false]);
  expect(["203.0.113.7", "203.0.113.8"].map(lists.isDenied)).toEqual([false, true]);
  rules = AddressRules.parse({});
  expect(lists.refresh()).toBe(true);
  expect(lists.isDenied("203.0.113.8")).toBe(false);
});

it.each(["203.0.113", "203.0.113.0/33", "2001:db8::/129", "example.org", ""])("%j is no range", (text) => {
  expect(AddressRules.safeParse({ deny: [text] }).error?.issues[0]?.message).toMatch(/^must be an address, or a range/);
});
