import type { ToolJobCounts } from "@parley/bus";
import { addGauge, Gauge, type Registry } from "@parley/runtime";

type Counts = ToolJobCounts | undefined;

/** What is known of the queue, which all workers share: the same figures on each of them. `queue` is undefined while Redis cannot be asked. */
export function addQueueFigures(registry: Registry, queue: () => Counts): void {
  const shared = "the same on all workers, absent if unknown.";
  const gauge = (name: string, help: string, read: (counts: ToolJobCounts) => number): void =>
    addGauge(registry, name, `${help}; ${shared}`, () => {
      const counts = queue();
      return counts === undefined ? Number.NaN : read(counts);
    });
  gauge("parley_tool_queue_waiting", "Tool calls that wait in the queue", ({ waiting }) => waiting);
  gauge("parley_tool_queue_active", "Tool calls that some worker has taken from the queue", ({ active }) => active);
  gauge("parley_tool_queue_users", "Users of whom tool calls wait", ({ users }) => users);
  gauge(
    "parley_tool_queue_user_waiting_max",
    "Tool calls that wait of the user of whom most do, about",
    ({ mostOfOneUser }) => mostOfOneUser,
  );
  const byClass = (name: string, help: string, read: (one: ToolJobCounts["classes"]["approved"]) => number): void => {
    const collect = (): void => {
      figure.reset();
      for (const [name, one] of Object.entries(queue()?.classes ?? {})) figure.set({ class: name }, read(one));
    };
    const figure = new Gauge({
      name,
      help: `${help}; ${shared}`,
      labelNames: ["class"],
      registers: [registry],
      collect,
    });
  };
  byClass(
    "parley_tool_queue_class_waiting",
    "Of the first 5,000 tool calls that wait, those of each class: approved, interactive, programs, returned",
    ({ waiting }) => waiting,
  );
  byClass(
    "parley_tool_queue_oldest_seconds",
    "How long the oldest of the next twenty tool calls of each class has waited (clocks of two machines)",
    ({ oldestMs }) => oldestMs / 1_000,
  );
}
