import { runSourceCli } from "./setup/source-cli.mjs";

const usage = `Usage: npm run --silent feedback -- [--since 7d] [--rating up|down] [--texts] [--csv] [--admin URL]

  Prints what people said of answers, the oldest first: time, conversation, turn, message, user, rating, comment, agent and model, one JSON object a line.

  --since TIME   30m, 2h, 7d, or a date such as 2027-01-31
  --rating R     up or down
  --texts        with the beginnings of question and answer; that they were read stands in the audit log
  --csv          a table with a header, for spreadsheets
  --admin URL    the admin port of an edge; default http://127.0.0.1:8001

  ADMIN_TOKEN: that of the edges, or a token of somebody with the right service:feedback.`;

// `npm run feedback | head`: the reader has gone.
process.stdout.on("error", () => process.exit());

await runSourceCli("feedback/main.ts", usage);
