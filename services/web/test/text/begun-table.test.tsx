import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { WholeText } from "../../src/text/markdown-blocks.tsx";

const shown = (text: string): string => renderToStaticMarkup(<WholeText text={text} isLast />);
const headsIn = (text: string): string[] =>
  [...shown(text).matchAll(/<th\b[^>]*>(.*?)<\/th>/gu)].map(([, head = ""]) => head);

const whole = "| **Name** | Ready | Age |\n| :--- | ---: | --- |\n| web | 1/1 | 2d |";

test("a table that is being written is a table from its first letter on", () => {
  for (let length = 1; length <= whole.length; length++) {
    const text = whole.slice(0, length);
    expect(shown(text), JSON.stringify(text)).toContain("<table");
    expect(shown(text), JSON.stringify(text)).not.toContain("|");
  }
});

test.each([
  ["| Name", ["Name"]],
  ["| Name |", ["Name"]],
  ["| Name | Re", ["Name", "Re"]],
  ["| **Na", ["<strong>Na</strong>"]],
  ["| Name | Ready |\n|", ["Name", "Ready"]],
  ["| Name | Ready |\n|---", ["Name", "Ready"]],
  ["| Name | Ready |\n| :-: | --", ["Name", "Ready"]],
])("the head of %j is %j", (text, heads) => {
  expect(headsIn(text)).toEqual(heads);
});

test.each(["a | b", "| a | b |\nand so on", "| a | b |\n\nmore"])("%j is no table", (text) => {
  expect(shown(text)).not.toContain("<table");
});

test("what is whole is shown as it is written", () => {
  expect(renderToStaticMarkup(<WholeText text="| a | b |" isLast={false} />)).toContain(">| a | b |<");
});
