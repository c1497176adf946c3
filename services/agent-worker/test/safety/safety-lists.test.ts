import { expect, it } from "vitest";
import { loadSafetyLists, parseSafetyLists } from "../../src/safety/safety-lists.ts";

const vehicle = (await loadSafetyLists(undefined)).get("vehicle");

it.each([
  ["There is smoke coming from the bonnet!", "Warning: danger of fire."],
  ["my car is on fire", "Warning: danger of fire."],
  ["Der Motor qualmt", "Warnung: Brandgefahr."],
  ["Rauch aus der Motorhaube", "Warnung: Brandgefahr."],
  ["It smells of fuel", "Warning: danger of fire and explosion."],
  ["I smell petrol in the cabin", "Warning: danger of fire and explosion."],
  ["There's a puddle of petrol under the car", "Warning: danger of fire and explosion."],
  ["Es riecht nach Benzin", "Warnung: Brand- und Explosionsgefahr."],
  ["Benzingeruch im Innenraum", "Warnung: Brand- und Explosionsgefahr."],
  ["The brakes don't work", "Warning: do not drive on."],
  ["My brakes failed on the motorway", "Warning: do not drive on."],
  ["The brake pedal feels soft", "Warning: do not drive on."],
  ["Die Bremsen versagen", "Warnung: Fahren Sie nicht weiter."],
  ["Das Bremspedal ist ganz weich", "Warnung: Fahren Sie nicht weiter."],
  ["The red oil light came on", "Warning: stop as soon as it is safe"],
  ["The needle is in the red", "Warning: stop as soon as it is safe"],
  ["Die Öldrucklampe leuchtet rot", "Warnung: Halten Sie an"],
  ["The steering locked up", "Warning: do not drive on."],
  ["Die Lenkung blockiert", "Warnung: Fahren Sie nicht weiter."],
])("%s is answered with a warning first", (message, warning) => {
  expect(vehicle?.(message)).toContain(warning);
});

it.each([
  "The brakes squeal",
  "When must the brake fluid be replaced?",
  "Book the brake service on Tuesday morning",
  "White smoke comes from the exhaust",
  "What fuel does the car need?",
  "Where is the fuel tank?",
  "How large is the fuel tank of the petrol engine?",
  "The check engine light is on",
  "Is the red paint more expensive?",
  "Wann ist der Ölwechsel fällig?",
  "Was kosten neue Bremsbeläge?",
  "The engine does not start",
  "How do I use the parking brake?",
])("%s needs no warning", (message) => {
  expect(vehicle?.(message)).toBeUndefined();
});

it("the worst danger counts, and a danger does not where an exception fits", () => {
  const lists = parseSafetyLists(
    "s.yaml",
    "lists: { l: [{ warning: first, words: [fire], unless: [fireworks, no fire] }, { warning: second, words: [fire, heat] }] }",
  );
  expect(["a fire and heat", "no fire", "heat", "Fireworks"].map((text) => lists.get("l")?.(text))).toEqual([
    ...["first", "second", "second"],
    undefined,
  ]);
});

it("mistakes are told with their lines", () => {
  const text =
    "lists:\n  l:\n    - warning: x\n      words:\n        - /(/\n    - warning: ''\n      words: []\n  L: []\n";
  expect(() => parseSafetyLists("s.yaml", text)).toThrow(
    /s\.yaml:5: lists\.l\.0\.words\.0 is no valid pattern[^]*s\.yaml:6: lists\.l\.1\.warning must not be empty[^]*s\.yaml:7: lists\.l\.1\.words/,
  );
});

it("P7: a message of any length is looked at in a moment", () => {
  const hostile = ["smoke ", "red ", "brake ", "fuel smell ".slice(0, 5), "motor ", " "].map((part) =>
    part.repeat(4_000),
  );
  const began = performance.now();
  for (const text of hostile) vehicle?.(text);
  expect(performance.now() - began).toBeLessThan(1_000);
});
