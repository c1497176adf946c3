/**
 * Tasks run in one round of the event loop. Node accepts one connection per round (libuv since 1.45), so a round that
 * serves thousands of streams would keep new callers waiting for seconds: seen, 5 s for 300 of 2,000.
 */
const TASKS_PER_ROUND = 64;

export type Task = { run: () => void };

/** Runs tasks in the order in which they became due, a few in each round of the event loop. */
export function createTaskRounds<T extends Task>() {
  const due = new Set<T>();
  let next: NodeJS.Immediate | undefined;

  function runRound(): void {
    next = undefined;
    let left = TASKS_PER_ROUND;
    for (const task of due) {
      if (left === 0) break;
      left -= 1;
      due.delete(task);
      task.run();
    }
    if (due.size > 0) next = setImmediate(runRound);
  }

  return {
    add(task: T): void {
      due.add(task);
      next ??= setImmediate(runRound);
    },
    remove: (task: T): boolean => due.delete(task),
    clear(): void {
      clearImmediate(next);
      next = undefined;
      due.clear();
    },
  };
}
