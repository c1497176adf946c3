import type { Edge } from "../../src/edge.ts";

/**
 * The values of a metric by those of its labels, as `live first`; zeros are left out. Of a histogram: how many were observed.
 */
export async function seriesOf(edge: Edge, name: string): Promise<Record<string, number>> {
  const metric = await edge.registry.getSingleMetric(name)?.get();
  if (metric === undefined) throw new Error(`there is no metric ${name}`);
  const series: Record<string, number> = {};
  for (const { labels, value, ...rest } of metric.values) {
    const isCount = !("metricName" in rest) || rest.metricName === `${name}_count`;
    if (isCount && value > 0) series[Object.values(labels).join(" ")] = value;
  }
  return series;
}
