/** Checkpoints as they are kept elsewhere: JSON, a line each, or signed notes; and the keys for these. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { NexusError, openCheckpoint, signCheckpoint, type Checkpoint } from '../index.js';
import { parseObject, readBytes } from './body.js';
import { CliError, exitCodes, usageError } from './exit-codes.js';
import type { Call, Options } from './verb.js';

export const signOptions = {
  sign: {
    kind: 'text',
    value: 'name',
    help: 'Give a signed note instead of JSON, under this name of the key',
  },
  'key-env': {
    kind: 'text',
    value: 'name',
    otherwise: 'NEXUS_CHECKPOINT_KEY',
    help: 'The variable that holds the private key for --sign: Ed25519, PEM',
  },
  'key-file': { kind: 'file', value: 'file', help: 'A file that holds it instead' },
} as const satisfies Options;

export const signerOptions = {
  checkpoint: {
    kind: 'file',
    value: 'file',
    many: true,
    help: 'A checkpoint that was kept elsewhere, or a line of JSON each; may be given several times',
  },
  signer: {
    kind: 'text',
    value: 'name',
    help: 'Take only notes that are signed under this name, by --public-key',
  },
  'public-key': { kind: 'file', value: 'file', help: 'The public key of --signer: Ed25519, PEM' },
} as const satisfies Options;

type SignCall = Pick<Call<typeof signOptions>, 'options' | 'env'>;

/**
 * Signs, and has shown that it can before a checkpoint is taken: one that cannot be signed would be taken for nothing.
 * Undefined where nothing is to be signed.
 *
 * @throws CliError (usage), NexusError NEXUS_INVALID_OPTION
 */
export function signingOf(call: SignCall): ((checkpoint: Checkpoint) => string) | undefined {
  const { sign: name } = call.options;
  if (name === undefined) return undefined;
  const signer = { name, privateKey: privateKeyOf(call) };
  signCheckpoint(ofNothing, signer);
  return (checkpoint) => signCheckpoint(checkpoint, signer);
}

const ofNothing: Checkpoint = {
  logId: '00000000-0000-0000-0000-000000000000',
  seq: 0,
  hash: '0'.repeat(64),
  at: 0,
};

function privateKeyOf({ options, env }: SignCall): KeyObject {
  const file = options['key-file'];
  const name = options['key-env'] ?? 'NEXUS_CHECKPOINT_KEY';
  const where = file ?? `the variable ${name}`;
  // One line is what many places that keep variables can hold.
  const pem = file === undefined ? env[name]?.replace(/\\n/g, '\n') : readBytes(file).toString();
  if (pem === undefined || pem === '')
    throw usageError(`${where} holds no key; set it, or say where it is with --key-env or --key-file`);
  try {
    return createPrivateKey(pem);
  } catch {
    // What the parser says may repeat the key.
    throw usageError(
      `${where} holds no private key in PEM; make one with openssl genpkey -algorithm ed25519`,
    );
  }
}

/** @throws CliError */
export function checkpointsOf({ options }: Pick<Call<typeof signerOptions>, 'options'>): Checkpoint[] {
  const { checkpoint, signer: name, 'public-key': keyFile } = options;
  if ((name === undefined) !== (keyFile === undefined))
    throw usageError(
      '--signer and --public-key belong together: whose signature, and the key to check it with',
    );
  if (name === undefined || keyFile === undefined) return checkpoint.flatMap(unsigned);
  const publicKey = readBytes(keyFile).toString();
  return checkpoint.map((file) => {
    try {
      return openCheckpoint(readBytes(file).toString(), { name, publicKey });
    } catch (error) {
      if (!NexusError.is(error, 'NEXUS_UNAUTHENTICATED')) throw error;
      throw new CliError(exitCodes.refused, `${file}: ${error.message}`, error.code);
    }
  });
}

function unsigned(file: string): Checkpoint[] {
  const text = readBytes(file).toString().trim();
  if (text.startsWith('nexus/'))
    throw usageError(`${file} is a signed note: say whose with --signer, and its key with --public-key`);
  return text.split('\n').map((line) => parseObject(Buffer.from(line), file) as unknown as Checkpoint);
}
