/** How long what is final is kept, and what must not be undone once it is gone. */
import { NexusError } from './errors.js';

/** Milliseconds since a delivery was final; Infinity is for ever. */
export type KeepFor = { readonly succeededMs: number; readonly deadMs: number };

/**
 * What was removed has run: creating it again, as a seek backward does with what is missing, would run it again unasked.
 *
 * @throws NexusError NEXUS_POSITION_PRUNED
 */
export function refusePruned(to: number, prunedTo: number): void {
  if (to >= prunedTo) return;
  throw new NexusError(
    'NEXUS_POSITION_PRUNED',
    `to must not be below ${prunedTo}: deliveries up to there have been removed by retention and would run again; got ${to}. To run events again, replay them`,
    { details: { to, prunedTo } },
  );
}

/**
 * A position in what was pruned: events above it are gone, and who went on from there would not know. 0 is the beginning,
 * wherever that is now.
 *
 * @throws NexusError NEXUS_POSITION_PRUNED
 */
export function refuseBelowBase(option: string, position: number, base: number): void {
  if (position >= base || position === 0) return;
  throw new NexusError(
    'NEXUS_POSITION_PRUNED',
    `${option} must not be below ${base}: the events up to there have been pruned; got ${position}. Go on from ${base}, or from 0 for whatever there is`,
    { details: { [option]: position, base } },
  );
}
