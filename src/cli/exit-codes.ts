/** How the command line ends, and the errors that say so. */
import { NexusError } from '../index.js';

/** The exit codes, which scripts may rely on. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  unavailable: 5,
  interrupted: 130,
} as const;

/** What each means, for help and docs. */
export const exitMeanings: Readonly<Record<number, string>> = {
  0: 'It was done; also when the reader of its output went away (`nexus tail | head`).',
  1: 'It failed, or what was checked is not well: a broken chain, a sick host, a signature that does not fit.',
  2: 'The command line, a file or a value in it is not what it must be. Nothing was done.',
  3: 'There is no such event, delivery, reactor, node, endpoint, replay or database.',
  4: 'It was refused: not confirmed, not permitted, or the token or signature is not accepted.',
  5: 'The host or the database cannot be reached or cannot be written at present. Trying again may help.',
  130: 'It was interrupted by Ctrl-C (143 by SIGTERM).',
};

/** An end that is not success, and why. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exit: number;
  readonly code: string;
  constructor(exit: number, message: string, code = 'CLI') {
    super(message);
    this.exit = exit;
    this.code = code;
  }
}

/** What is wrong with what was typed. */
export function usageError(message: string): CliError {
  return new CliError(exitCodes.usage, message, 'CLI_USAGE');
}

/** Somebody, or something, said no. */
export function refusal(message: string): CliError {
  return new CliError(exitCodes.refused, message, 'CLI_REFUSED');
}

export function missing(message: string): CliError {
  return new CliError(exitCodes.notFound, message, 'NEXUS_NOT_FOUND');
}

/** Any error as its exit code. */
export function exitOf(error: unknown): number {
  if (error instanceof CliError) return error.exit;
  if (!NexusError.is(error)) return exitCodes.failed;
  return exitOfCode(error.code) ?? exitCodes.failed;
}

/** That of an error that came from elsewhere, where its code says. */
export function exitOfCode(code: string): number | undefined {
  return Object.hasOwn(byCode, code) ? byCode[code] : undefined;
}

const byCode: Readonly<Record<string, number>> = {
  NEXUS_INVALID_OPTION: exitCodes.usage,
  NEXUS_INVALID_PAYLOAD: exitCodes.usage,
  NEXUS_UNKNOWN_EVENT: exitCodes.usage,
  NEXUS_PAYLOAD_TOO_LARGE: exitCodes.usage,
  NEXUS_PAYLOAD_TOO_DEEP: exitCodes.usage,
  NEXUS_POSITION_AHEAD: exitCodes.usage,
  NEXUS_REACTOR_FILE: exitCodes.usage,
  NEXUS_REACTOR_NAME_TAKEN: exitCodes.usage,
  NEXUS_NOT_FOUND: exitCodes.notFound,
  NEXUS_PERMISSION_DENIED: exitCodes.refused,
  NEXUS_UNAUTHENTICATED: exitCodes.refused,
  NEXUS_IDEMPOTENCY_CONFLICT: exitCodes.refused,
  NEXUS_POSITION_PRUNED: exitCodes.refused,
  NEXUS_READ_ONLY: exitCodes.refused,
  NEXUS_CHECKPOINT_MISSING: exitCodes.refused,
  NEXUS_STORAGE_FOREIGN: exitCodes.refused,
  NEXUS_STORAGE_NEWER: exitCodes.refused,
  NEXUS_STORAGE_OLDER: exitCodes.refused,
  NEXUS_OVERLOADED: exitCodes.unavailable,
  NEXUS_STORAGE: exitCodes.unavailable,
  NEXUS_STORAGE_FULL: exitCodes.unavailable,
  NEXUS_TIMEOUT: exitCodes.unavailable,
};
