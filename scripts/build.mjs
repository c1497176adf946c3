import { prepare } from "./setup/prepare.mjs";
import { describeFailure } from "./setup/setup-error.mjs";
import { giveHelp } from "./setup/usage.mjs";

const usage = `Usage: npm run build

  Builds what changed: libraries and services, the chat page, and the chat that other pages embed. \`npm start\` and \`npm test\` do it themselves.`;

giveHelp(process.argv.slice(2), usage);
try {
  await prepare({});
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = 1;
}
