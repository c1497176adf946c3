import real, {
  type Arbitrary,
  type IAsyncProperty,
  type IProperty,
  type Parameters,
  type StringConstraints,
} from "fast-check";

// Stands for fast-check in all tests (vitest.config.ts).
//
// Where `PARLEY_PROPERTY_RUNS` is set every property is tried that many times as often as its test says. The usual number is
// enough for each run of the tests; CI and who looks for a rare case want more.

const usualRuns = 100;

type Check = IProperty<unknown> | IAsyncProperty<unknown>;

function assertDeeper(property: Check, settings: Parameters<unknown> = {}): Promise<void> | void {
  const factor = Number(process.env["PARLEY_PROPERTY_RUNS"] ?? 1);
  return real.assert(property, { ...settings, numRuns: Math.round((settings.numRuns ?? usualRuns) * factor) });
}

const firstSurrogate = 0xd800;
const surrogates = 0x800;
const codePoints = 0x11_0000 - surrogates;

/**
 * What `unit: "binary"` means, any code point but a surrogate, and from the same seed the same one. fast-check's own writes all
 * 1.1 million down before the first string: a second of processor time and 110 MB in each process of the tests.
 */
const anyCodePoint = real.nat({ max: codePoints - 1 }).map(
  (place) => String.fromCodePoint(place < firstSurrogate ? place : place + surrogates),
  (value) => {
    const code = typeof value === "string" ? (value.codePointAt(0) ?? firstSurrogate) : firstSurrogate;
    const isSurrogate = code >= firstSurrogate && code < firstSurrogate + surrogates;
    if (isSurrogate || String.fromCodePoint(code) !== value) throw new TypeError("not one code point");
    return code < firstSurrogate ? code : code - surrogates;
  },
);

function string(constraints: StringConstraints = {}): Arbitrary<string> {
  return real.string(constraints.unit === "binary" ? { ...constraints, unit: anyCodePoint } : constraints);
}

export default { ...real, assert: assertDeeper, string };
