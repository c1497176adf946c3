/** A first token that comes later than this is one that people wait for. */
export const lateFirstMs = 500;
/** People are searched in steps of this size. */
const step = 50;
const most = 2_000;

export interface Probe {
  readonly people: number;
  readonly firstP95Ms: number;
}

export interface Saturation {
  /** The fewest people at whom the first token is late. Undefined: it never was. */
  readonly people: number | undefined;
  readonly mostTried: number;
}

const isLate = ({ firstP95Ms }: Probe): boolean => firstP95Ms > lateFirstMs;

/** The next number of people to try, given what is known; undefined when the place is found. */
function nextProbe(known: readonly Probe[]): number | undefined {
  const late = Math.min(...known.filter(isLate).map(({ people }) => people));
  const well = Math.max(
    0,
    ...known.filter((probe) => !isLate(probe) && probe.people < late).map(({ people }) => people),
  );
  if (late === Number.POSITIVE_INFINITY) return well >= most ? undefined : Math.max(step, Math.min(most, 2 * well));
  const middle = well + Math.round((late - well) / 2 / step) * step;
  return late - well <= step || middle === well || middle === late ? undefined : middle;
}

/** Where the first token becomes late, between the rows that were measured anyway and a few more. */
export async function findSaturation(
  known: readonly Probe[],
  measure: (people: number) => Promise<Probe>,
): Promise<Saturation> {
  const probes = [...known];
  for (let next = nextProbe(probes); next !== undefined; next = nextProbe(probes)) probes.push(await measure(next));
  const late = probes.filter(isLate).map(({ people }) => people);
  return {
    people: late.length === 0 ? undefined : Math.min(...late),
    mostTried: Math.max(...probes.map(({ people }) => people)),
  };
}
