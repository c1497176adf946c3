import { z } from "zod";
import { CHOICE_TOOL } from "./chat-request.ts";
import { withoutDirectives } from "./control.ts";
import type { PlannedCall } from "./tool-requests.ts";
import type { Turn } from "./turn.ts";

const Asked = z.object({ message: z.string(), previous: z.string().nullish() });
const LISTED = /^- ([a-z][a-z0-9-]*): (.+)$/gm;

/** What a message is about, by words of several languages, and the words by which a description says that it is the one for that. */
const TOPICS: readonly { readonly said: RegExp; readonly described: RegExp }[] = [
  {
    said: /\b(pods?|containers?|conteneurs?|contenedor\w*|kontener\w*|clusters?|clúster|namespaces?|espacios? de nombres|espaces? de noms|nodes?|n(œ|oe)uds?|nodos?|deployments?|déploiements?|despliegues?|rollouts?|ingress|replicas?|replikate|répliques|manifests?|probes?|endpoints?|endpunkte|workloads?|scheduler|autoscaler|image(pull\w*)?|kube\w*|logs?|journaux|logi|health check|release|daemonset|jobs? in|exit code)\b/iu,
    described: /\b(kubernetes|cluster)\b/i,
  },
  {
    said: /(does ?n[o']t|do ?n[o']t|wo ?n[o']t|not (start|work|respond|cool)|stopped|stalls?|dies\b|dead\b|broke|leak|drip|smok|smell|gasoline inside|squeak|squeal|scrap|rattl|nois|shak|wobbl|vibrat|jerk|overheat|too hot|came on|is on\b|both on|blink|flash|stranded|blowout|puncture|flat\b|loses|going down|gone up|far less|pedal|start-?hilfe|springt nicht|leuchtet|quietsch|rauch|raucht|platten|kühlt nicht|klappert|démarre pas|voyant|panne|fuite|grince|no arranca|calienta|ruido|humo|non parte)/iu,
    described: /\b(does not work|faults?|noises?|breakdowns?|broken)\b/i,
  },
  {
    said: /(servic|inspect|maint|appointment|book (me|a)|slot\b|workshop|garage\b.*(guarantee|warrant)|guarantee|warrant|interval|how often|every (year|two)|due\b|replac|renew|chang(e|ed|ing)\b|swap|switch to winter|top up|dipstick|check.*level|reset|cost|charge|filter|blades|wartung|inspektion|termin|werkstatt|wechsel|wie oft|kostet|ölstand|rendez-vous|révision|vidange|entretien|fréquence|cada cu[aá]nt|cambiar|se cambian|revisión|cita\b|onderhoud)/iu,
    described: /\b(serviced?|maintenance|intervals?)\b/i,
  },
  {
    said: /(how (much|many|fast|quick|long|wide|high|tall|large|big|heavy|far|tight)|what (pressure|load|size)|which (grade|oil)|power|horsepower|\bhp\b|\bps\b|kilowatt|torque|speed|weigh|width|length|height|dimension|diameter|size|capacity|volume|litres|cylinder|gears|consumption|economy|co2|tank|boot\b|luggage|payload|trailer|tow|tyre pressure|vmax|e10|zuladung|gewicht|kofferraum|höchstgeschwindigkeit|wie viele?|wie groß|wie schnell|reifendruck|puissance|combien|poids|vitesse|cu[aá]nt|tama[nñ]o|peso|caballos|quanto|welche.*reifen)/iu,
    described: /\b(technical data|dimensions|weights)\b/i,
  },
];
/** A car is meant. Of other things the same may be said. */
const CAR =
  /\b(car|auto|wagen|aurora|engine|motor|moteur|tyres?|tires?|reifen|pneus?|neumáticos|wheels?|brakes?|brems\w*|frein\w*|frenos|oil|öl\w*|huile|aceite|battery|gearbox|transmission|coolant|fuel|petrol|tank|réservoir|boot|wipers?|windscreen|steering|voiture|coche|macchina|mirrors?|trailer|starter|driver|garage|motorway|locking|key|pads|service|inspection|inspektion|workshop|werkstatt|appointment|termin|révision|bujías|plugs|beams?|heater|hood|tailpipe|lamp|display|klimaanlage|auspuff|windows)\b/iu;

/** The call that answers the question, or undefined if the request asks for something else. */
export function readAgentChoice({ question, instructions, tools }: Turn): PlannedCall | undefined {
  if (!tools.some(({ name }) => name === CHOICE_TOOL)) return undefined;
  const asked = Asked.safeParse(parsed(question)).data;
  if (asked === undefined) return undefined;
  const agents = [...instructions.matchAll(LISTED)].map(([, name = "", description = ""]) => ({ name, description }));
  return { name: CHOICE_TOOL, argumentsJson: JSON.stringify(chosenOf(asked, agents)) };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function chosenOf(
  { message: written, previous }: z.infer<typeof Asked>,
  agents: readonly { readonly name: string; readonly description: string }[],
): { agent: string; confidence: number } {
  const message = withoutDirectives(written);
  const topics = TOPICS.filter(({ said }) => said.test(message));
  const [topic] = topics;
  const isCluster = topic !== undefined && /kubernetes/.test(topic.described.source);
  const known = topic !== undefined && (isCluster || CAR.test(message));
  const meant = known ? agents.find(({ description }) => topic.described.test(description)) : undefined;
  if (meant !== undefined) return { agent: meant.name, confidence: topics.length === 1 ? 0.9 : 0.75 };
  const overlap = agents.find(({ name, description }) => shares(message, `${name} ${description}`));
  if (overlap !== undefined) return { agent: overlap.name, confidence: 0.7 };
  const goesOn = message.trim().split(/\s+/).length <= 6 && agents.some(({ name }) => name === previous);
  if (goesOn && typeof previous === "string") return { agent: previous, confidence: 0.7 };
  return { agent: "none", confidence: 0.6 };
}

/** A long word of the message is in the description. */
function shares(message: string, description: string): boolean {
  const words = new Set(description.toLowerCase().match(/\p{L}{6,}/gu));
  return (message.toLowerCase().match(/\p{L}{6,}/gu) ?? []).some((word) => words.has(word));
}
