/** Checks of arguments that a compiler did not see: from JavaScript, or of unknown origin. */
import { NexusError } from './errors.js';

/** The error for an argument that is not what it must be. */
export function invalidArgument(name: string, expected: string, got: unknown): NexusError {
  return new NexusError('NEXUS_INVALID_OPTION', `${name} must be ${expected}; got ${nameOf(got)}`, {
    details: { option: name, expected },
  });
}

/** Options that may be left out, as an object. @throws NexusError NEXUS_INVALID_OPTION */
export function optionsArgument<T extends object>(value: T | undefined, name = 'options'): Partial<T> {
  if (value === undefined) return {};
  if (typeof value === 'object' && (value as unknown) !== null && !Array.isArray(value)) return value;
  throw invalidArgument(name, 'an object', value);
}

/** A time to wait, milliseconds. @throws NexusError NEXUS_INVALID_OPTION */
export function waitArgument(value: unknown, name = 'timeoutMs'): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw invalidArgument(name, 'milliseconds, 0 or more', value);
}

/** @throws NexusError NEXUS_INVALID_OPTION */
export function wholeArgument(value: unknown, name: string, least: number, most: number): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most)
    return value as number;
  throw invalidArgument(name, `a whole number from ${least} to ${most}`, value);
}

/** A place in the log, if one is given. @throws NexusError NEXUS_INVALID_OPTION */
export function seqArgument(value: unknown, name: string): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0)) return;
  throw invalidArgument(name, 'a seq, an integer from 0', value);
}

/** What ends something, if it is given. @throws NexusError NEXUS_INVALID_OPTION */
export function signalArgument(value: unknown): void {
  if (value !== undefined && !(value instanceof AbortSignal))
    throw invalidArgument('signal', 'an AbortSignal', value);
}

/** @throws NexusError NEXUS_INVALID_OPTION */
export function functionArgument(value: unknown, name: string): void {
  if (typeof value !== 'function') throw invalidArgument(name, 'a function', value);
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80).toWellFormed());
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value === undefined ? 'undefined' : `a ${typeof value}`;
}
