/** Checkpoints that travel: what is signed is read back, and nothing else. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openCheckpoint, signCheckpoint } from '../src/checkpoint-note.js';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const checkpoint = {
  logId: '0192f3a1-1111-4222-8333-0123456789ab',
  seq: 4_711,
  hash: '0f'.repeat(32),
  at: 1_800_000_000_000,
};
const signer = { name: 'neobot', privateKey: pem };
const verifier = { name: 'neobot', publicKey };

describe('a signed checkpoint', () => {
  it('is a note of the known form', () => {
    const lines = signCheckpoint(checkpoint, signer).split('\n');
    expect(lines.slice(0, 5)).toEqual([
      `nexus/${checkpoint.logId}`,
      '4711',
      Buffer.from(checkpoint.hash, 'hex').toString('base64'),
      'at 1800000000000',
      '',
    ]);
    expect(lines[5]).toMatch(/^— neobot [A-Za-z0-9+/]{91}=$/);
    expect(lines.slice(6)).toEqual(['']);
  });

  it('is what it was, and others may have signed it too', () => {
    const note = signCheckpoint(checkpoint, signer);
    expect(openCheckpoint(note, verifier)).toEqual(checkpoint);
    expect(openCheckpoint(note.replace('\n\n', '\n\n— witness AAAAAAAA\n'), verifier)).toEqual(checkpoint);
  });

  it('that was changed anywhere is none', () => {
    const note = signCheckpoint(checkpoint, signer);
    for (let i = 0; i < note.length - 3; i++) {
      const changed = note.slice(0, i) + (note[i] === 'x' ? 'y' : 'x') + note.slice(i + 1);
      expect(() => openCheckpoint(changed, verifier), `at ${i}`).toThrow(/no checkpoint signed by neobot/);
    }
  });

  it('of another key, another name, or none is none', () => {
    const note = signCheckpoint(checkpoint, signer);
    const other = generateKeyPairSync('ed25519');
    for (const bad of [note.split('\n\n')[0] ?? '', '', '\n\n', note.replaceAll('neobot', 'other')])
      expect(() => openCheckpoint(bad, verifier)).toThrow(
        expect.objectContaining({ code: 'NEXUS_UNAUTHENTICATED' }) as Error,
      );
    expect(() => openCheckpoint(note, { name: 'neobot', publicKey: other.publicKey })).toThrow(
      'no checkpoint',
    );
    expect(() => openCheckpoint(note, { name: 'other', publicKey })).toThrow('no checkpoint');
  });

  it('is signed only as what it is: a host that is asked for one could send any text', () => {
    for (const odd of [
      { logId: `${checkpoint.logId}\n1\n${'A'.repeat(43)}=` },
      { logId: 'other/0192f3a1-1111-4222-8333-0123456789ab' },
      { seq: 1.5 },
      { seq: '1\n2' },
      { hash: '0f' },
      { at: Number.NaN },
    ])
      expect(() => signCheckpoint({ ...checkpoint, ...odd } as never, signer), JSON.stringify(odd)).toThrow(
        expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }) as Error,
      );
  });

  it('wants an Ed25519 key and a name, and repeats no key in its errors', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const invalid = expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }) as Error;
    expect(() => signCheckpoint(checkpoint, { name: 'n', privateKey: rsa.privateKey })).toThrow(invalid);
    expect(() => signCheckpoint(checkpoint, { name: 'n', privateKey: 'not-a-key' })).toThrow(
      /^privateKey must be an Ed25519 key, as PEM or KeyObject$/,
    );
    for (const name of ['', 'a b', 'a+b', 7 as never])
      expect(() => signCheckpoint(checkpoint, { ...signer, name })).toThrow(invalid);
  });
});
