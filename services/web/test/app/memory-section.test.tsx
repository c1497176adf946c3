// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import type { RememberedFact, UserMemory } from "../../src/api/memory-calls.ts";
import { ApiError } from "../../src/api/api-error.ts";
import { MemorySection } from "../../src/app/memory-section.tsx";
import { closeRendered, rendered } from "../message/rendered.tsx";

afterEach(closeRendered);

function serverWith(...facts: RememberedFact[]) {
  const state: { memory: UserMemory } = { memory: { enabled: true, facts } };
  const set = (next: Partial<UserMemory>): void => void (state.memory = { ...state.memory, ...next });
  return {
    state,
    answers: {
      memory: async () => state.memory,
      switchMemory: async (enabled: boolean) => set({ enabled }),
      editFact: async (id: string, text: string) =>
        set({ facts: state.memory.facts.map((fact) => (fact.id === id ? { ...fact, text } : fact)) }),
      forgetFact: async (id: string) => set({ facts: state.memory.facts.filter((fact) => fact.id !== id) }),
      forgetAll: async () => set({ facts: [] }),
    },
  };
}

const rows = { id: "m_1", text: "Rows." };
const sings = { id: "m_2", text: "Sings.", customer_id: "c1" };

test("where the server has no memory there is nothing to see", async () => {
  const page = await rendered(<MemorySection />, { memory: async () => undefined });
  expect(page.box.textContent).toBe("");
});

test("shows what is remembered, and of which customer, and lets it be changed and forgotten", async () => {
  const { state, answers } = serverWith(rows, sings);
  const page = await rendered(<MemorySection />, answers);
  expect(page.box.textContent).toContain("Rows.");
  expect(page.box.textContent).toContain("For the customer c1");
  await page.press("Change “Rows.”");
  await page.type(".ui-field", "Swims.");
  await page.press("Keep");
  expect(state.memory.facts[0]).toEqual({ id: "m_1", text: "Swims." });
  await page.press("Forget “Sings.”");
  expect(state.memory.facts).toHaveLength(1);
  expect(page.box.textContent).not.toContain("Sings.");
});

test("a field that is opened has the focus, Escape closes it, and what cannot be kept stays in it", async () => {
  const { answers } = serverWith(rows);
  const editFact = () => Promise.reject(new ApiError("Too long.", { code: "INVALID_FRAME", status: 400 }));
  const page = await rendered(<MemorySection />, { ...answers, editFact });
  await page.press("Change “Rows.”");
  expect(document.activeElement).toBe(page.find(".ui-field"));
  const escape = new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true });
  await page.acting(() => void page.find(".ui-field").dispatchEvent(escape));
  expect(escape.defaultPrevented).toBe(true);
  expect(page.box.querySelector(".ui-field")).toBeNull();
  await page.press("Change “Rows.”");
  await page.type(".ui-field", "Swims.");
  await page.press("Keep");
  expect(page.find('[role="alert"]').textContent).toBe("That did not work: Too long.");
  expect(page.box.querySelector<HTMLInputElement>(".ui-field")?.value).toBe("Swims.");
});

test("is switched off, and forgets all of it", async () => {
  const { state, answers } = serverWith(rows, sings);
  const page = await rendered(<MemorySection />, answers);
  await page.acting(() => page.find('input[type="checkbox"]').click());
  expect(state.memory.enabled).toBe(false);
  await page.press("Forget all of it");
  expect(page.box.textContent).toContain("Nothing is remembered.");
});

test("tells what went wrong in the server's words, and shows what the server has", async () => {
  const { answers } = serverWith(rows);
  const forgetFact = () => Promise.reject(new ApiError("Try later.", { code: "OVERLOADED", status: 503 }));
  const page = await rendered(<MemorySection />, { ...answers, forgetFact });
  await page.press("Forget “Rows.”");
  expect(page.find('[role="alert"]').textContent).toBe("That did not work: Try later.");
  expect(page.box.textContent).toContain("Rows.");
});
