/** What it costs to be watched: metrics that are scraped every second, and a log, against none. */
import { median } from './end-to-end.js';
import { measure, type Measured } from './measure.js';

/** Ratios of events per second, and of processor time per event the other way round: both are 1 where it costs nothing. */
export type Watching = { readonly perSecond: number; readonly ratio: number; readonly cpuRatio: number };

/** Runs of both take turns, each in a process of its own. */
export function watching(level: 'info' | 'debug', events: number, rounds: number): Watching {
  const watched: Measured[] = [];
  const ratios: number[] = [];
  const cpuRatios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const without = measure({ kind: 'nexus', events, inFlight: 1_000 });
    const having = measure({ kind: 'nexus', events, inFlight: 1_000, watched: level });
    watched.push(having);
    ratios.push(having.perSecond / without.perSecond);
    cpuRatios.push(without.cpuSeconds / having.cpuSeconds);
  }
  return {
    perSecond: median(watched.map(({ perSecond }) => perSecond)),
    ratio: median(ratios),
    cpuRatio: median(cpuRatios),
  };
}
