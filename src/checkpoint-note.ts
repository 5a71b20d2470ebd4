/**
 * Checkpoints as signed notes, the form in which transparency logs hand theirs out (C2SP: origin, size, hash; an Ed25519
 * signature line), so that one can travel, and tools that know the form can read it.
 */
import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { invalidArgument } from './core/arguments.js';
import { NexusError } from './core/errors.js';
import type { Checkpoint } from './nexus.js';

/** Who signs checkpoints. */
export interface CheckpointSigner {
  /** The name of the key: no white space and no `+`, such as `neobot`. */
  name: string;
  /** Ed25519, as PEM or as a `KeyObject`. */
  privateKey: string | KeyObject;
}

/** Whose signature a checkpoint must have. */
export interface CheckpointVerifier {
  /** The name of the key that it must be signed with. */
  name: string;
  /** Ed25519, as PEM or as a `KeyObject`. */
  publicKey: string | KeyObject;
}

/** The algorithm's number in the hash of a key. */
const ED25519 = 1;
const KEY_HASH_BYTES = 4;
/** Log, place, hash, and when it was taken. Nothing of another form is signed: it could say something else as well. */
const TEXT = /^nexus\/([0-9a-f-]{36})\n(\d{1,16})\n([A-Za-z0-9+/]{43}=)\n(?:at (\d{1,16})\n)?$/;

/**
 * A checkpoint as a signed note.
 *
 * @example
 * const note = signCheckpoint(await nexus.audit.checkpoint(), { name: 'neobot', privateKey });
 *
 * @throws NexusError NEXUS_INVALID_OPTION
 */
export function signCheckpoint(checkpoint: Checkpoint, { name, privateKey }: CheckpointSigner): string {
  checkName(name);
  const key = ed25519('privateKey', () => createPrivateKey(pemOf(privateKey)), privateKey);
  const { logId, seq, hash, at } = checkpoint;
  const text = `nexus/${logId}\n${seq}\n${Buffer.from(hash, 'hex').toString('base64')}\nat ${at}\n`;
  if (!TEXT.test(text))
    throw invalidArgument('checkpoint', 'what audit.checkpoint() gave: { logId, seq, hash, at }', checkpoint);
  const signature = sign(null, Buffer.from(text), key);
  const line = Buffer.concat([keyHash(name, createPublicKey(key)), signature]).toString('base64');
  return `${text}\n— ${name} ${line}\n`;
}

/**
 * The checkpoint in a note, if it is signed by that key.
 *
 * @example
 * const report = await nexus.audit.verify({ checkpoint: openCheckpoint(note, { name: 'neobot', publicKey }) });
 *
 * @throws NexusError NEXUS_UNAUTHENTICATED, NEXUS_INVALID_OPTION
 */
export function openCheckpoint(note: string, { name, publicKey }: CheckpointVerifier): Checkpoint {
  checkName(name);
  const key = ed25519('publicKey', () => createPublicKey(pemOf(publicKey)), publicKey);
  if (typeof note !== 'string') throw invalidArgument('note', 'a signed note', note);
  const end = note.indexOf('\n\n');
  const text = note.slice(0, end + 1);
  const expected = keyHash(name, key);
  const signed = note
    .slice(end + 2)
    .split('\n')
    .some((line) => {
      const [, by, encoded = ''] = /^— (\S+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? [];
      const bytes = Buffer.from(encoded, 'base64');
      return (
        by === name &&
        bytes.subarray(0, KEY_HASH_BYTES).equals(expected) &&
        verify(null, Buffer.from(text), key, bytes.subarray(KEY_HASH_BYTES))
      );
    });
  const [, logId, seq, hash = '', at = 0] = TEXT.exec(text) ?? [];
  if (signed && logId !== undefined)
    return { logId, seq: Number(seq), hash: Buffer.from(hash, 'base64').toString('hex'), at: Number(at) };
  throw new NexusError(
    'NEXUS_UNAUTHENTICATED',
    `the note is no checkpoint signed by ${name}: expected what signCheckpoint gave, with the key of this name`,
    { details: { name } },
  );
}

function keyHash(name: string, key: KeyObject): Buffer {
  const { x = '' } = key.export({ format: 'jwk' });
  const hash = createHash('sha256').update(`${name}\n`).update(Buffer.of(ED25519));
  return hash.update(Buffer.from(x, 'base64url')).digest().subarray(0, KEY_HASH_BYTES);
}

function ed25519(option: string, make: () => KeyObject, given: string | KeyObject): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = typeof given === 'string' ? make() : given;
  } catch {
    // What the parser says may repeat the key.
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new NexusError('NEXUS_INVALID_OPTION', `${option} must be an Ed25519 key, as PEM or KeyObject`, {
    details: { option },
  });
}

function pemOf(key: string | KeyObject): string {
  return typeof key === 'string' ? key : '';
}

function checkName(name: unknown): void {
  if (typeof name === 'string' && /^[^\s+]{1,200}$/.test(name)) return;
  throw invalidArgument('name', 'the name of a key, without white space and +', name);
}
