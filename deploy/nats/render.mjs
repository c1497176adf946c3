import { parseArgs } from "node:util";
import { agentRole, auditorRole, edgeRole } from "./roles.mjs";
import { toolAccount } from "./tool-account.mjs";

// Prints roles.conf: node --import tsx --conditions=source deploy/nats/render.mjs [--shards N]

const quote = (text) => JSON.stringify(text);
const list = (items, indent) => `[\n${items.map((item) => `${indent}  ${item}\n`).join("")}${indent}]`;

/** Where something is not granted although it looks like what is: a list of that, too. */
function publishing(allowed, denied) {
  const allow = list(allowed.map(quote), "          ");
  return denied.length === 0 ? allow : `{ allow: ${allow}, deny: ${list(denied.map(quote), "          ")} }`;
}

function user(name, { publish, denied = [], subscribe }) {
  return `      {
        user: ${name}, password: $NATS_${name.toUpperCase()}_PASSWORD
        permissions: {
          publish: ${publishing(publish, denied)}
          subscribe: ${list(subscribe.map(quote), "          ")}
        }
      }`;
}

function rolesConf(count) {
  const tool = toolAccount(count);
  const services = [...tool.services, ...tool.api.map((name) => `$JS.API.${name}`)];
  const exports = [
    ...services.map((subject) => `{ service: ${quote(subject)}, accounts: [TOOLS] }`),
    ...tool.streams.map((subject) => `{ stream: ${quote(subject)}, accounts: [TOOLS] }`),
  ];
  const imports = [
    ...tool.services.map((subject) => `{ service: { account: PARLEY, subject: ${quote(subject)} } }`),
    ...tool.api.map(
      (name) =>
        `{ service: { account: PARLEY, subject: ${quote(`$JS.API.${name}`)} }, to: ${quote(`${tool.toolApi}.${name}`)} }`,
    ),
    ...tool.streams.map((subject) => `{ stream: { account: PARLEY, subject: ${quote(subject)} } }`),
  ];
  return `# Who may say what, by role, for SHARDS=${count}. Written by deploy/nats/render.mjs from the subjects in libs/protocol: do not edit.
# Passwords come from the environment of nats-server. Let each begin with a letter: a value of digits would be read as a number.

accounts: {
  PARLEY: {
    jetstream: enabled
    users: [
${user("edge", edgeRole(count))}
${user("agent", agentRole(count))}
${user("auditor", auditorRole())}
      # For people: may do everything with Parley's streams.
      { user: operator, password: $NATS_OPERATOR_PASSWORD }
    ]
    exports: ${list(exports, "    ")}
  }

  # Tool workers see nothing but what is listed here. deploy/nats/tool-account.mjs says why permissions alone would not do.
  TOOLS: {
    users: [
      { user: tool, password: $NATS_TOOL_PASSWORD }
    ]
    # Else the server's own answer, that this account has no JetStream, could come first (2.12).
    mappings: { "$JS.API.>": "${tool.toolApi}.>" }
    imports: ${list(imports, "    ")}
  }
}
`;
}

const { values } = parseArgs({ options: { shards: { type: "string", default: "1" } } });
const shards = Number(values.shards);
if (!Number.isInteger(shards) || shards < 1 || shards > 64) {
  process.stderr.write("--shards must be a whole number from 1 to 64, the same as SHARDS of the services.\n");
  process.exitCode = 2;
} else process.stdout.write(rolesConf(shards));
