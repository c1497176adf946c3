import { describe, expect, it } from "vitest";
import { createAddresses, isCidr, loopback } from "../src/admission/address.ts";

const rules = { trusted: ["10.0.0.0/8", "fd00::/8", "192.0.2.7"], exempt: loopback };
const { whence, believes } = createAddresses(rules);

const from = (peer: string, forwardedFor = "", forwarded = "") => whence(peer, { forwardedFor, forwarded }).address;

describe("where a request comes from", () => {
  it.each([
    ["the peer without proxies", "198.51.100.4", "", "", "198.51.100.4"],
    ["the peer, whatever a stranger claims", "198.51.100.4", "203.0.113.9", "for=203.0.113.9", "198.51.100.4"],
    ["whom the proxy names", "10.1.2.3", "203.0.113.9", "", "203.0.113.9"],
    ["never the leftmost", "10.1.2.3", "1.1.1.1, 203.0.113.9", "", "203.0.113.9"],
    ["past all trusted hops", "10.1.2.3", "1.1.1.1, 203.0.113.9, 10.9.9.9,192.0.2.7", "", "203.0.113.9"],
    ["the peer where all hops are trusted", "10.1.2.3", "10.4.4.4", "", "10.1.2.3"],
    ["the peer where the header is missing", "10.1.2.3", "", "", "10.1.2.3"],
    ["the peer where it is empty between commas", "10.1.2.3", "203.0.113.9, ,", "", "10.1.2.3"],
    ["the peer where the hop is no address", "10.1.2.3", "203.0.113.9, unknown", "", "10.1.2.3"],
    ["the peer where it is an abbreviation", "10.1.2.3", "203.0.113.9, 0x7f.1", "", "10.1.2.3"],
    ["the peer where it is a number", "10.1.2.3", "2130706433", "", "10.1.2.3"],
    ["the peer where it has leading zeros", "10.1.2.3", "010.0.0.1", "", "10.1.2.3"],
    ["what stands right of garbage", "10.1.2.3", "garbage, 203.0.113.9", "", "203.0.113.9"],
    ["without the port", "10.1.2.3", "203.0.113.9:4711", "", "203.0.113.9"],
    ["without brackets and port", "10.1.2.3", "[2001:db8:1:2:3::1]:4711", "", "2001:db8:1:2::/64"],
    ["an IPv6 address by its /64", "2001:db8:1:2:aaaa::1", "", "", "2001:db8:1:2::/64"],
    ["as written out by the library", "2001:0db8:0001:0002:0000:0000:0000:0001", "", "", "2001:db8:1:2::/64"],
    ["a mapped IPv4 address as what it is", "::ffff:198.51.100.4", "", "", "198.51.100.4"],
    ["a mapped peer that is trusted", "0000:0000:0000:0000:0000:ffff:0a01:0203", "203.0.113.9", "", "203.0.113.9"],
    ["a mapped address that the proxy names", "10.1.2.3", "::ffff:203.0.113.9", "", "203.0.113.9"],
    ["the peer where the address has a zone", "10.1.2.3", "fe80::1%eth0", "", "10.1.2.3"],
    ["of Forwarded", "10.1.2.3", "", "for=203.0.113.9", "203.0.113.9"],
    ["of Forwarded, in quotes", "10.1.2.3", "", 'for=1.1.1.1, For="[2001:db8::1]:47";proto=https', "2001:db8::/64"],
    ["of Forwarded, wherever it stands", "10.1.2.3", "", "proto=https; for=203.0.113.9 ;by=10.1.2.3", "203.0.113.9"],
    ["the peer where Forwarded hides it", "10.1.2.3", "", "for=203.0.113.9, for=_hidden", "10.1.2.3"],
    ["the peer where Forwarded is broken", "10.1.2.3", "", 'for="203.0.113.9', "10.1.2.3"],
    ["what both agree on", "10.1.2.3", "1.1.1.1, 203.0.113.9", "for=203.0.113.9", "203.0.113.9"],
    ["the peer where they do not agree", "10.1.2.3", "203.0.113.9", "for=198.51.100.4", "10.1.2.3"],
    ["what is no address as it is", "", "", "", ""],
  ])("is %s", (_what, peer, forwardedFor, forwarded, address) => {
    expect(from(peer, forwardedFor, forwarded)).toBe(address);
  });

  it("exempts the client's address, never the proxy's", () => {
    const local = createAddresses({ trusted: loopback, exempt: loopback });
    const all = { forwardedFor: "", forwarded: "" };
    expect(createAddresses({ trusted: [], exempt: loopback }).whence("127.0.0.1").isExempt).toBe(true);
    expect(createAddresses({ trusted: [], exempt: loopback }).whence("::1").isExempt).toBe(true);
    expect(createAddresses({ trusted: [], exempt: [] }).whence("127.0.0.1").isExempt).toBe(false);
    expect(local.whence("127.0.0.1", all)).toEqual({ address: "127.0.0.1", isExempt: false });
    expect(local.whence("127.0.0.1", { ...all, forwardedFor: "127.0.0.1" }).isExempt).toBe(false);
    expect(local.whence("127.0.0.1", { ...all, forwardedFor: "203.0.113.9" }).isExempt).toBe(false);
    expect(whence("10.1.2.3", { ...all, forwardedFor: "127.0.0.1" }).isExempt).toBe(true);
    expect(whence("10.1.2.3", { ...all, forwardedFor: "127.0.0.1, 203.0.113.9" }).isExempt).toBe(false);
  });

  it("spares proxies and what is exempt from blocks, by the address as it is counted", () => {
    const { isSpared } = createAddresses({ trusted: ["10.0.0.0/8"], exempt: loopback });
    for (const address of ["127.0.0.1", "10.2.3.4", whence("::1").address]) expect(isSpared(address)).toBe(true);
    for (const address of ["203.0.113.1", "2001:db8::/64", ""]) expect(isSpared(address)).toBe(false);
  });

  it("reads headers of trusted peers only", () => {
    expect([believes("10.1.2.3"), believes("fd12::1"), believes("192.0.2.7")]).toEqual([true, true, true]);
    expect([believes("192.0.2.8"), believes("::1"), believes("")]).toEqual([false, false, false]);
    expect(createAddresses({ trusted: [], exempt: [] }).believes("10.1.2.3")).toBe(false);
  });

  it("knows what a block of addresses is", () => {
    expect(["10.0.0.0/8", "fd00::/8", "10.0.0.1", "::1"].every(isCidr)).toBe(true);
    expect(["10.0.0.0/33", "localhost", "", "10.0.0.0/", "10/8/8"].some(isCidr)).toBe(false);
  });
});
