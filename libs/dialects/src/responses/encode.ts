import type { Outcome } from "@parley/protocol";
import type { ResponsePlace } from "./addresses.ts";
import type { Plan, PlannedItem } from "./plan.ts";
import { endStatus, idOf, soFar, tellBegin, tellEnd, tellMore, type SaidItem } from "./said-item.ts";
import { standingOf } from "./standing.ts";

/** One event of a response. Its number in the response is its place among them. */
export interface OutputEvent {
  readonly type: string;
  readonly sequence_number: number;
  readonly [field: string]: unknown;
}

/** Counts what is told. */
function createEvents() {
  let events: OutputEvent[] = [];
  let length = 0;
  return {
    /** How many there are so far. */
    length: (): number => length,
    tell: (type: string, fields: object): void => void events.push({ type, sequence_number: length++, ...fields }),
    /** What was told since the last time. */
    take(): OutputEvent[] {
      const told = events;
      events = [];
      return told;
    },
  };
}

/**
 * Says the items of one response, strictly one after another: an item begins when the one before it has ended. So what is said, and the number of each event,
 * depends on nothing but what the answer is: who looks again gets the same events under the same numbers, from wherever they are taken.
 *
 * Only an answer that begins anew and then says something else breaks this: what was said of it is closed as `incomplete`, and said anew as other items.
 */
export function createOutput(place: ResponsePlace) {
  const events = createEvents();
  const { tell } = events;
  const items = createItems(place, events);
  /** Something was taken back, and what stays of it has not been said as far as it was before. */
  let isInDoubt = false;

  return {
    tell,
    /** How many events there are so far. */
    length: events.length,
    takeEvents: events.take,
    /** From this number on the client may have had something else than the answer; Infinity: never. */
    doubtfulFrom: items.doubtfulFrom,
    /** The items of the answer so far. Of one that has not ended all that is known. */
    items: items.objects,
    /** The client may have what was taken back, and nothing else was said yet. */
    isInDoubt: (): boolean => isInDoubt,
    takeBack(): void {
      isInDoubt = true;
    },

    /** Says what is new in the plan, as far as it can be said. `outcome`: the turn's, if it ends in this response. */
    say(plan: Plan, outcome?: Outcome): void {
      if (isInDoubt) isInDoubt = !items.catchUp(plan);
      if (!isInDoubt) items.go(plan, outcome);
    },
  };
}

/** What the client was told of, and what of it was taken back. */
function createSaid(place: ResponsePlace, { tell, length }: ReturnType<typeof createEvents>) {
  const said: SaidItem[] = [];
  let index = 0;
  let again = 0;
  let doubtfulFrom = Infinity;

  return {
    said,
    doubtfulFrom: (): number => doubtfulFrom,

    begin(plan: PlannedItem): SaidItem {
      const id = idOf(plan, place, { index: said.length, again });
      const item = { kind: plan.kind, id, index: index++, number: length(), plan, text: "", isDone: false, object: {} };
      said.push(item);
      tellBegin(tell, item, place);
      return item;
    },

    /** The items from this one on are not the answer any more. */
    abandon(from: number): void {
      const last = said.at(-1);
      if (last?.isDone === false) tellEnd(tell, last, place, "incomplete");
      doubtfulFrom = Math.min(doubtfulFrom, said[from]?.number ?? Infinity);
      said.length = from;
      again++;
    },
  };
}

function createItems(place: ResponsePlace, events: ReturnType<typeof createEvents>) {
  const { tell } = events;
  const { said, begin, abandon, doubtfulFrom } = createSaid(place, events);

  /** Undefined: it is not known yet what it will be. */
  const itemAt = (at: number, plan: PlannedItem): SaidItem | undefined => {
    // A call has said how far it was, and only then that it needs somebody's agreement.
    if (said[at] !== undefined && said[at].kind !== plan.kind) abandon(at);
    const isKnown = plan.kind !== "call" || plan.isKnown;
    return said[at] ?? (isKnown ? begin(plan) : undefined);
  };

  return {
    doubtfulFrom,
    objects: ({ items: plans }: Plan): object[] =>
      said.map((item, at) => (item.isDone ? item.object : soFar(plans[at] ?? item.plan, place, item))),

    /** Whether the client has nothing that the plan has not, and the plan all that the client has: else nothing is said yet. */
    catchUp({ items, end }: Plan): boolean {
      for (const [at, item] of said.entries()) {
        const standing = standingOf(item, items[at], end !== undefined);
        if (standing === "behind") return false;
        if (standing === "same") continue;
        abandon(at);
        return true;
      }
      return true;
    },

    go({ items }: Plan, outcome: Outcome | undefined): void {
      const first = Math.max(0, said.length - 1);
      for (const [offset, plan] of items.slice(first).entries()) {
        const item = itemAt(first + offset, plan);
        if (item === undefined) return;
        if (item.isDone) continue;
        item.plan = plan;
        if (plan.kind === "message" || plan.kind === "reasoning") tellMore(tell, item, plan);
        if (!plan.isWhole) return;
        tellEnd(tell, item, place, endStatus(plan, plan === items.at(-1) ? outcome : undefined));
      }
    },
  };
}
