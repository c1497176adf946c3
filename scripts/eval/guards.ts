import { injectionResults } from "../../test/guards/injection/report.ts";
import type { Evaluation } from "./cli/evaluation.ts";

export const evaluation: Evaluation = {
  name: "guards",
  about: "what is held of texts that speak to the model in somebody else's voice, whatever the model is",
  run({ report }) {
    const results = injectionResults();
    const kinds = [...new Set(results.map(({ kind }) => kind))];
    report.table([
      ["kind", "cases", "stays between its marks", "is stopped"],
      ...kinds.map((kind) => {
        const of = results.filter((one) => one.kind === kind);
        const acts = of.filter(({ isStopped }) => isStopped !== undefined);
        const stopped = acts.length === 0 ? "–" : acts.filter(({ isStopped }) => isStopped).length;
        return [kind, of.length, of.filter(({ staysInside }) => staysInside).length, stopped];
      }),
    ]);
    const acts = results.filter(({ isStopped }) => isStopped !== undefined);
    const inside = results.filter(({ staysInside }) => staysInside).length / results.length;
    const stopped = acts.filter(({ isStopped }) => isStopped).length / acts.length;
    report.figure("injections that stay between their marks", inside, `${results.length} texts`);
    report.figure("what a model that obeys would do is stopped", stopped, `${acts.length} answers and calls`);
    for (const { kind, name, staysInside, isStopped } of results)
      if (!staysInside || isStopped === false) report.fail(`not held: ${kind}, ${name}`);
    report.json(results);
    return Promise.resolve();
  },
};
