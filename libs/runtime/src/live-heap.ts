import { constants, PerformanceObserver, type NodeGCPerformanceDetail, type PerformanceEntry } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

let leftBytes = 0;
let observer: PerformanceObserver | undefined;

/**
 * Bytes that the last full garbage collection left, on the heap and in buffers; 0 before the first. Unlike the memory of the process, which
 * goes up and down with what has not been collected yet, it grows only while more is kept.
 */
export function liveHeapBytes(): number {
  observer ??= observe();
  return leftBytes;
}

/** The types of Node know no entries of collections. */
function isFullCollection(entry: PerformanceEntry & { readonly detail?: NodeGCPerformanceDetail }): boolean {
  return entry.detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

function observe(): PerformanceObserver {
  const created = new PerformanceObserver((list) => {
    if (!list.getEntries().some(isFullCollection)) return;
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
    leftBytes = heap + external;
  });
  created.observe({ entryTypes: ["gc"] });
  return created;
}
