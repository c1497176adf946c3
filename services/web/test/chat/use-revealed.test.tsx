// @vitest-environment happy-dom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { beforeEach, expect, test } from "vitest";
import type { Row } from "../../src/chat/rows.ts";
import { useRevealed, type Revealed } from "../../src/chat/use-revealed.ts";

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
});

function rowsFrom(first: number, count: number): Row[] {
  const messages = Array.from({ length: count }, (_, index): Row => {
    const outgoing = { id: `m${first + index}`, text: "", status: "sending" } as const;
    return { kind: "outgoing", key: outgoing.id, outgoing };
  });
  return [{ kind: "day", key: `d-${first}`, ts: first }, ...messages];
}

/** Shows the rows, and gives what is drawn of them after so many steps. */
async function drawn(steps: readonly { readonly rows: readonly Row[]; readonly turns: number }[]): Promise<Revealed[]> {
  const seen: Revealed[] = [];
  let last: Revealed = { rows: [], isWhole: false };
  function Probe({ rows }: { readonly rows: readonly Row[] }) {
    last = useRevealed(rows, false);
    return null;
  }
  const root = createRoot(document.createElement("div"));
  for (const { rows, turns } of steps) {
    act(() => root.render(<Probe rows={rows} />));
    for (let turn = 0; turn < turns; turn++) await act(() => new Promise((resolve) => setTimeout(resolve, 1)));
    seen.push(last);
  }
  act(() => root.unmount());
  return seen;
}

test("the last rows are there at once, those before them a few at a time, until all are", async () => {
  const rows = rowsFrom(0, 50);
  const [first, all] = await drawn([
    { rows, turns: 0 },
    { rows, turns: 20 },
  ]);
  expect(first?.rows.length).toBeLessThan(25);
  expect(first?.rows.at(-1)).toBe(rows.at(-1));
  expect(first?.isWhole).toBe(false);
  expect(all).toEqual({ rows, isWhole: true });
});

test("older rows come a few at a time as well, and a day with its first message", async () => {
  const [before, after, all] = await drawn([
    { rows: rowsFrom(40, 10), turns: 1 },
    { rows: rowsFrom(0, 50), turns: 0 },
    { rows: rowsFrom(0, 50), turns: 20 },
  ]);
  expect(before?.isWhole).toBe(true);
  expect(before?.rows[0]?.kind).toBe("day");
  expect(after?.rows.length).toBeLessThan(30);
  expect(all?.isWhole).toBe(true);
});

test("a conversation that begins anew is whole at once when it is short", async () => {
  const [, anew, grown] = await drawn([
    { rows: rowsFrom(0, 3), turns: 1 },
    { rows: rowsFrom(100, 2), turns: 0 },
    { rows: rowsFrom(100, 14), turns: 0 },
  ]);
  expect(anew?.isWhole).toBe(true);
  expect(grown?.isWhole).toBe(true);
});
