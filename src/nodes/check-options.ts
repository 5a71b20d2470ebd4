/** Checks of options that a node and its webhook share. */
import { invalid } from './invalid.js';

/** An option that is misspelt would deny in silence. */
export function checkKeys(at: string, value: unknown, known: ReadonlySet<string>, expected: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(at, expected);
  const unknown = Object.keys(value).find((key) => !known.has(key));
  if (unknown !== undefined)
    throw invalid(at, `the options ${[...known].join(', ')}; got ${JSON.stringify(unknown.slice(0, 50))}`);
}

export function checkFlag(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') throw invalid(option, 'true or false');
}

export function checkMilliseconds(option: string, value: unknown): void {
  if (value === undefined || (Number.isInteger(value) && (value as number) >= 1)) return;
  throw invalid(option, 'a whole number of milliseconds, at least 1');
}
