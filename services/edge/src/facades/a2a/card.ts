import { createHash } from "node:crypto";
import type { AgentChoice } from "@parley/protocol";

export interface CardSubject {
  /** Where clients reach this deployment. */
  readonly origin: string;
  readonly version: string;
  readonly agents: readonly AgentChoice[];
  /** The card of this agent alone; the interface then names it as its tenant. */
  readonly only: AgentChoice | undefined;
  /** Whoever shows no token is let in from loopback. */
  readonly isOpen: boolean;
}

/** The agent card of A2A 1.0 (4.4.1): its skills are the agents that a client may ask for. */
export function agentCard({ origin, version, agents, only, isOpen }: CardSubject): object {
  const tenant = only === undefined ? {} : { tenant: only.name };
  const offered = only === undefined ? agents : [only];
  return {
    name: only?.name ?? "Parley",
    description: only?.description ?? "Agents that answer, use tools, and ask a person before they change something.",
    version,
    supportedInterfaces: [{ url: `${origin}/a2a`, protocolBinding: "JSONRPC", ...tenant, protocolVersion: "1.0" }],
    capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: true },
    securitySchemes: { bearer: { httpAuthSecurityScheme: bearer } },
    ...(isOpen ? {} : { securityRequirements: [{ schemes: { bearer: { list: [] } } }] }),
    defaultInputModes: ["text/plain", "application/json"],
    defaultOutputModes: ["text/plain", "application/json"],
    skills: offered.length === 0 ? [anySkill] : offered.map(skillOf),
  };
}

const bearer = {
  scheme: "Bearer",
  bearerFormat: "JWT",
  description: "A token of one of the issuers that this server is configured with, or one of its API keys.",
};

/** A card must have one. */
const anySkill = { id: "chat", name: "chat", description: "Answers messages.", tags: ["chat"] };

function skillOf({ name, description, examples }: AgentChoice): object {
  return { id: name, name, description, tags: [name], ...(examples === undefined ? {} : { examples }) };
}

/** Of what a card says. */
export function tagOf(card: object): string {
  return `"${createHash("sha256").update(JSON.stringify(card)).digest("base64url").slice(0, 22)}"`;
}
