import { parseArgs } from "node:util";
import { SetupError } from "../setup/setup-error.mjs";

const MAX_PROCESSES = 32;
const DEFAULT_PORT = 8000;
const LAST_PORT = 65_535;

export const serviceNames = ["model-simulator", "cluster-simulator", "tool-worker", "agent-worker", "edge"];

export const usage = `Usage: npm start -- [options]

  --edges N           edge processes on one port (default 1)
  --agent-workers N   agent worker processes (default 1)
  --tool-workers N    tool worker processes (default 1)
  --only a,b          start only these: ${serviceNames.join(", ")}
                      (a worker brings the simulator that it needs)
  --verbose           show all output of all processes
  --help              this text

  PORT                port of the chat page and API (default ${DEFAULT_PORT})
  NATS_URL REDIS_URL  use these instead of private ones
  OPENAI_API_KEY OPENAI_BASE_URL OPENAI_MODEL OPENROUTER_API_KEY
                      a real model instead of the simulated one
  KUBECONFIG          a real cluster instead of the simulated one`;

const argumentsOf = {
  edges: { type: "string", default: "1" },
  "agent-workers": { type: "string", default: "1" },
  "tool-workers": { type: "string", default: "1" },
  only: { type: "string" },
  verbose: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
};

function parse(args) {
  try {
    return parseArgs({ args, options: argumentsOf }).values;
  } catch (error) {
    throw new SetupError(`${error.message.split(". ")[0]}: \`npm start -- --help\` lists the options.`);
  }
}

function count(values, name) {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= 1 && value <= MAX_PROCESSES) return value;
  throw new SetupError(`--${name} must be a whole number from 1 to ${MAX_PROCESSES}.`);
}

function only(values) {
  if (values.only === undefined) return undefined;
  const names = values.only.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !serviceNames.includes(name));
  if (unknown === undefined) return names;
  throw new SetupError(`--only does not know "${unknown}": it takes ${serviceNames.join(", ")}.`);
}

/** In plain digits, as the services read it. */
function edgePort(env) {
  const text = env.PORT || String(DEFAULT_PORT);
  const port = /^\d+$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= LAST_PORT) return { port, problems: [] };
  return { port, problems: [`PORT must be a whole number from 1 to ${LAST_PORT}.`] };
}

/** What was asked for on the command line and in PORT; `problems` are those of PORT, to be said with those of other variables. */
export function readOptions(args, env) {
  const values = parse(args);
  return {
    help: values.help,
    verbose: values.verbose,
    only: only(values),
    ...edgePort(env),
    edges: count(values, "edges"),
    agentWorkers: count(values, "agent-workers"),
    toolWorkers: count(values, "tool-workers"),
  };
}
