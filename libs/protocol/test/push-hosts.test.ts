import { expect, it } from "vitest";
import { knownPushHosts, pushHostsIn, pushPlaceOf } from "../src/push-hosts.ts";

const known = pushHostsIn(knownPushHosts) ?? [];

it.each([
  "https://fcm.googleapis.com/fcm/send/abc:def",
  "https://updates.push.services.mozilla.com/wpush/v2/abc",
  "https://db5p.notify.windows.com/w/?token=abc",
  "https://web.push.apple.com/QABC",
])("%s is at a service that browsers use", (endpoint) => {
  expect(pushPlaceOf(endpoint, known)).toBe("public");
});

it.each([
  ["another scheme", "http://fcm.googleapis.com/fcm/send/abc"],
  ["another port", "https://fcm.googleapis.com:8443/fcm/send/abc"],
  ["a name that only ends alike", "https://evilpush.apple.com/x"],
  ["a name that only begins alike", "https://fcm.googleapis.com.evil.example/x"],
  ["a name before the at sign", "https://fcm.googleapis.com@evil.example/x"],
  ["credentials", "https://me:it@fcm.googleapis.com/x"],
  ["our own network", "https://127.0.0.1/x"],
  ["the address of metadata", "https://169.254.169.254/latest/meta-data"],
  ["no address", "fcm.googleapis.com/x"],
  ["a script", "javascript:alert(1)"],
  ["what is too long", `https://fcm.googleapis.com/${"x".repeat(2_100)}`],
])("nothing is sent to %s", (_what, endpoint) => {
  expect(pushPlaceOf(endpoint, known)).toBeUndefined();
});

it("an origin that the operator names may be anywhere, at that port alone", () => {
  const own = pushHostsIn("http://10.0.0.7:8080, *.push.example.org") ?? [];
  expect(pushPlaceOf("http://10.0.0.7:8080/up?x=1", own)).toBe("own");
  expect(pushPlaceOf("http://10.0.0.7:8081/up", own)).toBeUndefined();
  expect(pushPlaceOf("https://a.push.example.org/x", own)).toBe("public");
  expect(pushPlaceOf("https://push.example.org/x", own)).toBeUndefined();
  expect(pushPlaceOf("https://anything.example/x", pushHostsIn("*") ?? [])).toBe("public");
});

it.each(["", "a b", "https://push.example.org/path", "ftp://push.example.org", "-a"])("%j is no list", (text) => {
  expect(pushHostsIn(text)).toBeUndefined();
});
