import { limitTable, quotaTable, type CountRow, type RateRow } from "@parley/protocol";

const where = { fleet: "all edges together", process: "each edge", socket: "each socket" } as const;

const units = { 1_000: "second", 60_000: "minute", 3_600_000: "hour" } as const;

function numberOf(row: RateRow | CountRow): string {
  if (row.kind === "count") return row.most.toLocaleString("en");
  const unit = Object.entries(units).find(([ms]) => Number(ms) === row.everyMs)?.[1];
  return `${row.rate.toLocaleString("en")} per ${unit}, ${row.burst.toLocaleString("en")} at once`;
}

/** The rows of the table, as lines of Markdown. */
export function limitLines(): string[] {
  const head = ["| limit | default | of what | counted by | answer | why | test |", "|---|---|---|---|---|---|---|"];
  const rows: [string, RateRow | CountRow][] = Object.entries(limitTable);
  return [
    ...head,
    ...rows.map(([name, row]) => {
      const test = `[${row.test
        .split("/")
        .at(-1)
        ?.replace(/\.int\.test\.ts$/, "")}](../${row.test})`;
      return `| \`${name}\` | ${numberOf(row)} | ${row.unit} | ${where[row.counted]} | ${row.answer} | ${row.reason} | ${test} |`;
    }),
  ];
}

const holders = { user: "each user", tenant: "each tenant" } as const;
const amounts = { tokens: "tokens that models read and write", money: "what models cost, in the currency" } as const;

/** The rows of the table of quotas, which have no defaults. */
export function quotaLines(): string[] {
  return [
    "| quota | of what | counted for | answer | why | test |",
    "|---|---|---|---|---|---|",
    ...Object.entries(quotaTable).map(([name, { unit, of, answer, reason, test }]) => {
      const file = `[${test
        .split("/")
        .at(-1)
        ?.replace(/\.int\.test\.ts$/, "")}](../${test})`;
      return `| \`${name}\` | ${amounts[unit]} | ${holders[of]}, by all workers together | ${answer} | ${reason} | ${file} |`;
    }),
  ];
}
