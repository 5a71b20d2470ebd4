/** Durations as people say them. */
import { invalidArgument } from '../core/arguments.js';

/** Milliseconds, or a number and its unit: `'250ms'`, `'90s'`, `'5m'`, `'1.5h'`, `'3d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration in milliseconds. @throws NexusError NEXUS_INVALID_OPTION */
export function milliseconds(duration: Duration, name = 'duration'): number {
  if (typeof duration === 'number' && Number.isFinite(duration) && duration >= 0) return duration;
  const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(duration)) ?? [];
  if (typeof duration === 'string' && count !== undefined)
    return Number(count) * units[unit as keyof typeof units];
  throw invalidArgument(name, `milliseconds, or a text like '250ms', '90s', '5m', '1h', '3d'`, duration);
}
