import path from "node:path";
import { parseArgs } from "node:util";
import { loadAgents } from "../../services/agent-worker/src/agents/load-agents.ts";
import { loadKnowledge } from "../../services/agent-worker/src/retrieval/knowledge.ts";
import { createRouter } from "../../services/agent-worker/src/routing/router.ts";
import type { Evaluation } from "./cli/evaluation.ts";
import { halfOf, readLabelledSet } from "./routing/labelled-set.ts";

const root = path.resolve(import.meta.dirname, "../..");

export const evaluation: Evaluation = {
  name: "routing",
  about: "which agent answers a message, on labelled utterances",
  options: "  --set FILE     utterances of one's own (docs/evaluation.md)",
  async run({ args, report }) {
    const { values } = parseArgs({ args: [...args], options: { set: { type: "string" } } });
    const knowledge = await loadKnowledge(path.join(root, "config/knowledge"));
    const agents = await loadAgents({
      folder: path.join(root, "config/agents"),
      collections: knowledge.collections(),
    });
    const route = createRouter(agents);
    const utterances = readLabelledSet(values.set ?? path.join(root, "evals/routing"));
    for (const half of ["working", "held-out"] as const) {
      const own = utterances.filter((one) => halfOf(one) === half);
      const right = own.filter(
        ({ say, previous, agent }) => route({ message: say, previousAgent: previous }).agent.name === agent,
      );
      report.figure(`accuracy, ${half}`, right.length / own.length, `${own.length} utterances`);
    }
  },
};
