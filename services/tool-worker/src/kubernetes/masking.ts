import { hidden, isSecretFlag, isSecretSetting, redactText, redactValue } from "./redaction.ts";

/** Deeper than any object that an API server takes. */
const maxDepth = 100;
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";
/** Longer text of nothing but base64 is packed: what is in it cannot be looked at. */
const packedChars = 512;
const packed = /^[A-Za-z0-9+/=_\s-]+$/;

type Properties = Readonly<Record<string, unknown>>;

/** What is known of a value by where it is. */
interface Place {
  /** Of the object that it belongs to, where one is known. */
  readonly kind: string | undefined;
  readonly depth: number;
}

/**
 * A copy of an object, a list or a table of the API with everything secret hidden: the values of Secrets, by their kind and wherever they are (in lists, in
 * tables, in the copies that tools keep in annotations), settings with names of secrets, and what looks like a credential in any text.
 *
 * `kind`: of an object that may not name it itself, as an item of a list does not.
 *
 * What is hidden is told with its size and without a hash: of a short password a hash is as good as the password.
 */
export function maskObject(object: unknown, kind?: string): unknown {
  return mask(object, { kind, depth: 0 });
}

function mask(value: unknown, place: Place): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value !== "object" || value === null) return value;
  if (place.depth > maxDepth) return "[left out: nested too deeply]";
  const below = { ...place, depth: place.depth + 1 };
  if (Array.isArray(value)) return maskItems(value, below);
  return maskProperties(propertiesOf(value), below);
}

/** Of a command `--password hunter2` is two items. */
function maskItems(items: readonly unknown[], place: Place): unknown[] {
  return items.map((item, at) => {
    const before = items[at - 1];
    const isValue = typeof before === "string" && isSecretFlag(before) && typeof item === "string";
    return isValue ? hiddenText(item) : mask(item, place);
  });
}

function propertiesOf(value: object): Properties {
  return Object.fromEntries(Object.entries(value));
}

function maskProperties(object: Properties, place: Place): Properties {
  const kind = kindOf(object, place.kind);
  if (isSetting(object))
    return {
      ...masked(object, { ...place, kind }),
      value: isSecretSetting(object.name) ? hidden : redactValue(object.name, object.value),
    };
  return masked(object, { ...place, kind });
}

/** Items of a list of one kind do not name it themselves. */
function kindOf(object: Properties, around: string | undefined): string | undefined {
  const { kind, type, data } = object;
  if (typeof kind === "string" && (isOfSecret(kind) || "apiVersion" in object || "metadata" in object)) return kind;
  if (around?.endsWith("List") === true && around !== "List") return around.slice(0, -"List".length);
  // One whose kind was cut off.
  return typeof type === "string" && SECRET_TYPE.test(type) && typeof data === "object" ? "Secret" : around;
}

const SECRET_TYPE = /^(?:Opaque$|(?:bootstrap\.)?kubernetes\.io\/|helm\.sh\/)/;

type Setting = Properties & { readonly name: string; readonly value: string };

/** As in `env`, of whatever kind. */
function isSetting(object: Properties): object is Setting {
  return typeof object["name"] === "string" && typeof object["value"] === "string";
}

function masked(object: Properties, place: Place): Properties {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, maskNamed(name, value, place)]));
}

function maskNamed(name: string, value: unknown, place: Place): unknown {
  const { kind } = place;
  if (isOfSecret(kind) && secretFields.has(name)) return hideAll(value, place);
  if (kind === "ConfigMap" && name === "binaryData") return hideAll(value, place);
  if (kind === "ConfigMap" && name === "data") return maskSettings(value);
  if (name === "annotations") return maskAnnotations(value, place);
  if (isSecretSetting(name)) return maskSecret(value, place);
  // A row of a table has an object of its own kind, whatever the table is of.
  return mask(value, name === "object" && kind === "Table" ? { ...place, kind: undefined } : place);
}

const secretFields = new Set(["data", "stringData", "binaryData", "encryptedData"]);

/** Custom kinds that hold or make secrets are named so that people see it: `SealedSecret`, `VaultSecret`. */
function isOfSecret(kind: string | undefined): boolean {
  return kind?.toLowerCase().endsWith("secret") === true;
}

/** The value of a field that is named as a secret: itself, or with its type around it. */
function maskSecret(value: unknown, place: Place): unknown {
  if (typeof value === "string" || typeof value === "number") return hiddenText(String(value));
  if (Array.isArray(value)) {
    return value.map((item: unknown) => (typeof item === "string" ? hiddenText(item) : mask(item, place)));
  }
  const properties = mask(value, place);
  if (typeof properties !== "object" || properties === null || !("value" in properties)) return properties;
  return { ...properties, value: hideDeep(properties.value) };
}

/** Names stay: they say what there is. A list of a custom kind says where secrets are, and is looked at like anything else. */
function hideAll(values: unknown, place: Place): unknown {
  if (typeof values === "string") return hiddenText(values);
  if (typeof values !== "object" || values === null) return values;
  if (Array.isArray(values) && place.kind !== "Secret") return mask(values, { ...place, kind: undefined });
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, hideDeep(value)]));
}

function hideDeep(value: unknown): string {
  return hiddenText(typeof value === "string" ? value : JSON.stringify(value ?? ""));
}

function hiddenText(value: string): string {
  return value === "" ? "" : `[hidden: ${Buffer.byteLength(value)} bytes]`;
}

function maskSettings(values: unknown): unknown {
  if (typeof values !== "object" || values === null) return mask(values, { kind: undefined, depth: 1 });
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, maskSetting(name, value)]));
}

function maskSetting(name: string, value: unknown): unknown {
  if (typeof value !== "string") return mask(value, { kind: undefined, depth: 1 });
  if (isSecretSetting(name) || (value.length > packedChars && packed.test(value))) return hiddenText(value);
  return maskText(value);
}

/** Text that is itself an object, as JSON. */
function maskText(text: string): string {
  const object = parsed(text);
  return object === undefined ? redactText(text) : JSON.stringify(maskObject(object));
}

function maskAnnotations(values: unknown, place: Place): unknown {
  if (typeof values !== "object" || values === null) return mask(values, place);
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === "string" ? maskAnnotation(name, value) : hidden,
    ]),
  );
}

function maskAnnotation(name: string, value: string): string {
  if (isSecretSetting(name.split("/").at(-1) ?? name)) return hiddenText(value);
  const object = parsed(value);
  if (object !== undefined) return JSON.stringify(maskObject(object));
  // It should be an object; of one that cannot be read nobody knows what it holds.
  return name === lastApplied ? hiddenText(value) : redactText(value);
}

function parsed(text: string): object | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A copy without what only machines need: who manages which field, and the manifest that was applied last. */
export function cleanObject(object: unknown, depth = 0): unknown {
  if (typeof object !== "object" || object === null || depth > maxDepth) return object;
  if (Array.isArray(object)) return object.map((item: unknown) => cleanObject(item, depth + 1));
  return Object.fromEntries(
    Object.entries(propertiesOf(object)).flatMap(([name, value]) => {
      if (name === "managedFields" || name === "selfLink") return [];
      if (name !== "annotations") return [[name, cleanObject(value, depth + 1)] as const];
      const kept = keptAnnotations(value);
      return kept === undefined ? [] : [[name, kept] as const];
    }),
  );
}

function keptAnnotations(values: unknown): unknown {
  if (typeof values !== "object" || values === null) return values;
  const kept = Object.entries(values).filter(([name]) => name !== lastApplied);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
