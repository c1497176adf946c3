import type { Abilities } from "./model-rules.ts";

/** A request may name any model: of those that were used longest ago it is learned anew. */
const maxModels = 256;
/** One answer may end reasoning that it has not begun by chance, or because somebody asked for it. */
const leastBareEnds = 3;
/** What costs an answer much is tried again after that: servers get tools by a restart, and words of a refusal can be misread. */
const maxAgeMs = 10 * 60_000;
const aging: ReadonlySet<string> = new Set<keyof Abilities>(["tools", "system_role", "reasoning_back", "images"]);

interface LearnedModel {
  readonly abilities: Partial<Abilities>;
  /** When each of them was learned. */
  readonly times: ReadonlyMap<string, number>;
  /** Answers in a row that ended reasoning which they had not begun. */
  readonly bareEnds: number;
}

const nothing: LearnedModel = { abilities: {}, times: new Map(), bareEnds: 0 };

/** What was learned of models since this process began. */
export function createLearned(clock: () => number = () => performance.now()) {
  const models = new Map<string, LearnedModel>();

  const set = (model: string, change: Partial<LearnedModel>): void => {
    const all = { ...(models.get(model) ?? nothing), ...change };
    models.delete(model);
    models.set(model, all);
    if (models.size > maxModels) for (const [oldest] of models) return void models.delete(oldest);
  };

  const of = (model: string): Partial<Abilities> => {
    const { abilities, times } = models.get(model) ?? nothing;
    if (times.size === 0) return abilities;
    const now = clock();
    return Object.fromEntries(
      Object.entries(abilities).filter(([name]) => !aging.has(name) || now - (times.get(name) ?? 0) < maxAgeMs),
    );
  };

  return {
    of,
    add(model: string, lesson: Partial<Abilities>): void {
      const { times } = models.get(model) ?? nothing;
      const now = clock();
      const added = Object.keys(lesson).map((name): [string, number] => [name, now]);
      set(model, { abilities: { ...of(model), ...lesson }, times: new Map([...times, ...added]) });
    },
    /** Whether the answer before ended reasoning that it had not begun. */
    hadBareEnd: (model: string): boolean => (models.get(model)?.bareEnds ?? 0) > 0,
    /** How an answer began: within the reasoning (`open`), or not. */
    sawStart(model: string, start: Abilities["reasoning_start"]): void {
      const { abilities, bareEnds } = models.get(model) ?? nothing;
      if (start === "open") {
        const isLearned = bareEnds + 1 >= leastBareEnds;
        set(model, {
          bareEnds: bareEnds + 1,
          ...(isLearned && { abilities: { ...abilities, reasoning_start: "open" } }),
        });
      } else if (bareEnds > 0) {
        const { reasoning_start: _start, ...others } = abilities;
        set(model, { bareEnds: 0, abilities: others });
      }
    },
  };
}
