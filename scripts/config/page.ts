import { fieldsOf, type Field } from "./field.ts";
import { services } from "./services.ts";

const head = `# Configuration

Every process reads its settings from environment variables, once, when it starts, and refuses to start with a list of all that is wrong. A
variable that is set to the empty string counts as not set. This page is written by \`npm run config -- docs\` from the schemas in
\`services/*/src/config.ts\`.

\`\`\`sh
npm run config -- check all --env-file production.env   # every problem of edge, agent worker and tool worker at once; exit code 1 if there is one
npm run config -- check edge                            # the same for one service and the environment of this shell
npm run config -- print agent-worker                    # what would be in force, without secrets
\`\`\`

Rules over several settings (no development token in production, no weak secret) are looked at once each setting by itself is right. With \`--env-file\` only the file counts, not the shell's own environment. A name in the file that no service knows is pointed out.
The check reads the files and folders that are named (agents, documents, models, kubeconfig) as the process would, so run it where they are. Simulators are
for development: they are checked when they are named (\`check cluster-simulator\`), not with \`all\`.
\`npm start\` fills in what development needs (addresses, a secret, the simulators); processes that are started in another way get nothing by
themselves but the defaults below. Sizes and times that two processes must agree on are no settings: they are in
\`libs/protocol/src/limits.ts\`.
`;

const foot = `## Scripts

These are read by the scripts of this repository, not by the services.

| name | meaning |
|---|---|
| \`PARLEY_DATA_DIR\` | Where \`npm start\` keeps the data of its own brokers, its logs and its development secret; \`.data\` if not set. |
| \`NATS_SERVER_BIN\`, \`REDIS_SERVER_BIN\` | The programs that tests start; looked for on the \`PATH\` if not set. |
| \`PARLEY_TEST_ROLES\` | \`1\`: the brokers that tests start have a user per role, with the rights of \`deploy/nats\` and \`deploy/redis\`; \`npm test -- all\` sets it for integration and e2e. |
| \`CHROMIUM_PATH\` | The browser of the browser tests. |
| \`PARLEY_BUILT\` | \`1\`: tests take the build that is there instead of building first. |
`;

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  const sections = [...services].map(([name, schema]) => `## ${name}\n\n${fieldTable(fieldsOf(schema))}\n`);
  return [head, ...sections, foot].join("\n");
}

function fieldTable(fields: readonly Field[]): string {
  const rows = fields.map(
    (field) =>
      `| \`${field.name}\` | ${field.type} | ${defaultOf(field)} | ${meaningOf(field).replaceAll("|", "\\|")} |`,
  );
  return ["| name | type | default | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

function defaultOf({ whenUnset }: Field): string {
  if (whenUnset.kind === "needed") return "**needed**";
  if (whenUnset.kind === "absent" || whenUnset.value === "") return "–";
  return `\`${whenUnset.value}\``;
}

function meaningOf({ meaning, isSecret }: Field): string {
  return isSecret ? `${meaning} Secret: never printed.` : meaning;
}
