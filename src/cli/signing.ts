/** Signatures of bodies, as a node makes them. The secret comes from the environment or a file, never from the command line. */
import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { usageError } from './exit-codes.js';
import type { Call, Options } from './verb.js';

export const secretOptions = {
  'secret-env': {
    kind: 'text',
    value: 'name',
    otherwise: 'NEXUS_SECRET',
    help: 'The variable that holds the secret',
  },
  'secret-file': { kind: 'file', value: 'file', help: 'A file that holds the secret instead, on one line' },
} as const satisfies Options;

export const schemeOption = {
  scheme: {
    kind: 'text',
    value: 'scheme',
    choices: ['nexus', 'standard'],
    otherwise: 'nexus',
    help: 'What is signed: the bytes (nexus), or their id and time as well (standard, Standard Webhooks 1.0)',
  },
} as const satisfies Options;

export type Scheme = 'nexus' | 'standard';

/** @throws CliError (usage) */
export function secretOf({ options, env }: Pick<Call<typeof secretOptions>, 'options' | 'env'>): string {
  const file = options['secret-file'];
  if (file !== undefined) {
    try {
      return demand(readFileSync(file, 'utf8').trim(), file);
    } catch (error) {
      if (error instanceof Error && 'errno' in error)
        throw usageError(`${file} cannot be read: ${error.message}`);
      throw error;
    }
  }
  const name = options['secret-env'] ?? 'NEXUS_SECRET';
  return demand(env[name] ?? '', `the variable ${name}`);
}

function demand(secret: string, where: string): string {
  if (Buffer.byteLength(secret) >= 16) return secret;
  throw usageError(
    secret === ''
      ? `${where} holds no secret; set it, or say where it is with --secret-env or --secret-file`
      : `${where} holds a secret of under 16 bytes`,
  );
}

/** The headers that prove who sent these bytes. */
export function signatureHeaders(
  body: Uint8Array,
  secret: string,
  scheme: Scheme,
  now: number,
): Record<string, string> {
  if (scheme === 'nexus')
    return { 'X-Nexus-Signature': createHmac('sha256', secret).update(body).digest('hex') };
  const id = `msg_${randomUUID()}`;
  const timestamp = String(Math.floor(now / 1_000));
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret;
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
