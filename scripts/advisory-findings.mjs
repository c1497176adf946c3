const BLOCKING = new Set(["high", "critical"]);

/**
 * Splits npm's report by an allow list: `[{ "id": "GHSA-…", "reason": "…", "until": "2027-01-31" }]`. An entry without a reason, past its
 * day, or for a weakness that nobody has any more is itself a finding: the list must not grow old.
 */
export function judge(report, allowed, now) {
  const advisories = advisoriesOf(report);
  const isExplained = ({ id }) => allowed.some((entry) => entry.id === id && isValid(entry, now));
  const blocking = advisories.filter((advisory) => BLOCKING.has(advisory.severity) && !isExplained(advisory));
  return {
    blocking: [
      ...blocking.map(({ name, id, severity, title }) => `${severity}: ${name}: ${title} (${id})`),
      ...allowed
        .filter((entry) => !isValid(entry, now))
        .map(({ id }) => `allowed without a reason or for too long: ${id}`),
      ...allowed
        .filter(({ id }) => !advisories.some((advisory) => advisory.id === id))
        .map(({ id }) => `allowed, but no package has it any more: ${id}`),
    ],
    notes: advisories
      .filter((advisory) => !blocking.includes(advisory))
      .map(({ name, id, severity, title }) => `note, ${severity}: ${name}: ${title} (${id})`),
  };
}

function isValid({ reason, until }, now) {
  return typeof reason === "string" && reason.trim() !== "" && Date.parse(until) > now.getTime();
}

/** Each advisory once: npm names it under every package that leads to the weak one too, there by the package's name only. */
function advisoriesOf({ vulnerabilities }) {
  const found = Object.values(vulnerabilities)
    .flatMap(({ via }) => via)
    .filter((via) => typeof via === "object")
    .map(({ name, url, source, severity, title }) => ({ name, id: idOf(url, source), severity, title }));
  return [...new Map(found.map((advisory) => [`${advisory.name} ${advisory.id}`, advisory])).values()];
}

function idOf(url, source) {
  return /GHSA-[\w-]+/.exec(url ?? "")?.[0] ?? String(source);
}
