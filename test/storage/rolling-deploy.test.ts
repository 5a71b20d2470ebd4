/** Two hosts on one file, the older of which does not know the version that the newer one says. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { createNexus, defineEvent, NexusError, type AnyCatalogue, type Nexus } from '@neo-protocol/nexus';
import { chainWhole } from '../../proof/crash.js';
import { openDatabase } from '../support/database.js';

const one = { PAID: z.object({ order: z.string(), amount: z.number() }) };
const two = {
  PAID: defineEvent({
    schema: z.object({ order: z.string(), cents: z.number() }),
    version: 2,
    upcast: { 1: ({ order, amount }) => ({ order, cents: Number(amount) * 100 }) },
  }),
};
const RUNS = 40;

it('old and new host share a file: each event is handled as its handler knows it, and its bytes stay', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-rolling-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'nexus.db');
  const open = (events: AnyCatalogue): Nexus => {
    const nexus = createNexus({ events, storage: path, logger: false });
    onTestFinished(() => nexus.close({ timeoutMs: 0 }).then(() => undefined));
    return nexus;
  };
  const handled: { host: string; payload: unknown }[] = [];
  // One attempt is all there is: an old host must not spend it on what it cannot read.
  const react = (host: string, nexus: Nexus): void =>
    void nexus.onEvent('PAID', { name: 'r', retry: { maxAttempts: 1 } }, (payload) =>
      handled.push({ host, payload }),
    );
  const speak = async (from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i++) {
      await old.dispatch('PAID', { order: `old-${i}`, amount: i });
      await next.dispatch('PAID', { order: `new-${i}`, cents: i });
    }
  };

  const old = open(one);
  react('old', old);
  await old.idle();
  const next = open(two);
  // The new one only speaks at first: all is the old one's to handle.
  const postponed = new Promise<void>((resolve) => {
    const newer = new Set<number>();
    old.on('delivery:failed', ({ seq, error }) => {
      if (NexusError.is(error, 'NEXUS_EVENT_NEWER')) newer.add(seq);
      if (newer.size === RUNS / 2) resolve();
    });
  });
  await speak(0, RUNS / 2);
  await postponed;
  await old.idle();
  expect(handled.filter(({ host }) => host === 'old')).toHaveLength(RUNS / 2);
  react('new', next);
  await next.idle();
  await speak(RUNS / 2, RUNS);
  await old.idle();
  await old.close();
  for (const { id } of (await next.events.list({ limit: 1_000 })).items) await next.settled(id);

  const orders = handled.map(({ payload }) => (payload as { order: string }).order).sort();
  const expected = Array.from({ length: RUNS }, (_, i) => [`new-${i}`, `old-${i}`])
    .flat()
    .sort();
  expect(orders).toEqual(expected);
  for (const { host, payload } of handled)
    expect(Object.keys(payload as object)).toEqual(['order', host === 'old' ? 'amount' : 'cents']);
  expect((await next.deadLetters.list()).items).toEqual([]);
  const { items } = await next.events.list({ after: 0, limit: 1_000 });
  expect(items.map(({ payload }) => Object.keys(payload).join())).toEqual(items.map(() => 'order,cents'));
  await next.close();

  const db = openDatabase(path, { readonly: true });
  onTestFinished(() => void db.close());
  const rows = db.prepare('SELECT schema_version AS version, payload FROM nexus_events ORDER BY seq').all();
  expect(rows).toEqual(
    Array.from({ length: RUNS }, (_, i) => [
      { version: 1, payload: `{"order":"old-${i}","amount":${i}}` },
      { version: 2, payload: `{"order":"new-${i}","cents":${i}}` },
    ]).flat(),
  );
  expect(chainWhole(db)).toBe(true);
});
