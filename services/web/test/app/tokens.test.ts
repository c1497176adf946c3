import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const css = readFileSync(new URL("../../src/styles/tokens.css", import.meta.url), "utf8");
const themes = ["light", "dark"] as const;

/** Each colour that is a plain one in both themes. */
const colours = new Map(
  [...css.matchAll(/--parley-color-([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(
    ([, name = "", light = "", dark = ""]) => [name, { light, dark }],
  ),
);

/** WCAG 2: relative luminance. */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

const surfaces = ["background", "surface", "sunken", "raised", "hover"];
const pairs: readonly (readonly [string, readonly string[]])[] = [
  [
    "text",
    [...surfaces, "selected", "accent-soft", "own", ...Array.from("abcdefgh").map((person) => `person-${person}`)],
  ],
  ["text-quiet", [...surfaces, "selected"]],
  ["text-faint", ["background", "surface", "sunken", "raised"]],
  ["accent-text", ["background", "surface", "raised", "accent-soft"]],
  ["on-accent", ["accent", "accent-hover"]],
  ["danger", ["background", "surface", "raised", "hover", "danger-soft"]],
  ["on-danger", ["danger"]],
  ["warning", ["background", "surface", "raised", "hover", "warning-soft"]],
  ["success", ["background", "raised", "success-soft"]],
  ["own-text", ["own"]],
  ...["text", "keyword", "string", "number", "comment", "title", "attribute"].map(
    (name) => [`code-${name}`, ["code-background"]] as const,
  ),
  ["added-text", ["added-background"]],
  ["removed-text", ["removed-background"]],
];

test.each(themes)("text has a contrast of 4.5 and more on every surface it stands on, %s", (theme) => {
  const weak = pairs.flatMap(([text, grounds]) =>
    grounds
      .map((ground) => ({ text, ground, ratio: contrast(colours.get(text)![theme], colours.get(ground)![theme]) }))
      .filter(({ ratio }) => ratio < 4.5),
  );
  expect(weak).toEqual([]);
});

test.each(themes)("borders of fields and rings of the focus have a contrast of 3 and more, %s", (theme) => {
  for (const line of ["border-strong", "focus"]) {
    for (const ground of ["background", "surface", "raised"]) {
      expect(contrast(colours.get(line)![theme], colours.get(ground)![theme]), `${line} on ${ground}`).toBeGreaterThan(
        3,
      );
    }
  }
});

test("no other style sheet names a colour", () => {
  for (const name of ["app", "list", "ui", "chat", "message", "people"]) {
    const text = readFileSync(new URL(`../../src/styles/${name}.css`, import.meta.url), "utf8");
    // How much of something is seen is no colour.
    expect(
      text.replaceAll(/mask-image:[^;]*/g, "").match(/#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(/gi) ?? [],
      name,
    ).toEqual([]);
  }
});
