/** What comes as an argument, out of a file, or through stdin. */
import { readFileSync } from 'node:fs';
import { usageError } from './exit-codes.js';
import type { Terminal } from './terminal.js';

/** `@file`, `-` for stdin, or the text itself. @throws CliError (usage) */
export async function bytesOf(given: string, terminal: Terminal): Promise<Buffer> {
  if (given === '-') return await terminal.input();
  if (!given.startsWith('@')) return Buffer.from(given);
  return readBytes(given.slice(1));
}

/** A file, or stdin where none is named. @throws CliError (usage) */
export async function fileOrInput(file: string | undefined, terminal: Terminal): Promise<Buffer> {
  return file === undefined || file === '-' ? await terminal.input() : readBytes(file);
}

/** @throws CliError (usage) */
export function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw usageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** @throws CliError (usage) */
export function parseObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    // Without the text: it may be what nobody is to read.
    throw usageError(`${what} is not JSON${error instanceof TypeError ? ' in UTF-8' : ''}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw usageError(`${what} must be a JSON object`);
}

/** `name=value`, several of them. @throws CliError (usage) */
export function pairsOf(option: string, given: readonly string[]): Record<string, string> | undefined {
  if (given.length === 0) return undefined;
  return Object.fromEntries(
    given.map((each) => {
      const at = each.indexOf('=');
      if (at < 1) throw usageError(`--${option} must be name=value; got ${JSON.stringify(each)}`);
      return [each.slice(0, at), each.slice(at + 1)];
    }),
  );
}
