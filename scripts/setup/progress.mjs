const HEARTBEAT_MS = 5000;
const NAME_WIDTH = 18;

export function say(line = "") {
  process.stdout.write(`${line}\n`);
}

export function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** One line of progress: what it is about, and what is known. */
export function sayOf(name, text) {
  say(`  ${name.padEnd(NAME_WIDTH)} ${text}`);
}

/**
 * Runs one phase of a script and says how it ended and how long it took. `work` gets `note`, for what it is doing now:
 * said at once, and again every five seconds while it lasts, so that a long silence never looks like a hang.
 */
export async function phase(name, work) {
  const startedAt = performance.now();
  let current = "working";
  const heartbeat = setInterval(() => {
    sayOf(name, `${current} (${Math.round((performance.now() - startedAt) / 1000)} s)`);
  }, HEARTBEAT_MS);
  const note = (text) => {
    current = text;
    sayOf(name, `${text} …`);
  };
  try {
    const { text, value } = await work(note);
    sayOf(name, `${text} (${seconds(performance.now() - startedAt)})`);
    return value;
  } finally {
    clearInterval(heartbeat);
  }
}

/** Lines of a table with aligned columns. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows.map((row) => `  ${row.map((cell, column) => String(cell).padEnd(widths[column])).join("  ")}`.trimEnd());
}
