import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createNexus, defineReactor, NonRetryableError, type Clock } from '@neo-protocol/nexus';
import { createTestNexus, storageConformance } from '@neo-protocol/nexus/testing';
import { journalStorage } from './journal-storage.js';

const folders: string[] = [];
const newFile = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-toy-'));
  folders.push(folder);
  return join(folder, 'nexus.jsonl');
};
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

storageConformance({
  name: 'the journal',
  create: () => {
    const path = newFile();
    let now = 1_800_000_000_000;
    const clock = { now: () => now, advance: (ms: number) => void (now += ms) };
    return { clock, storage: () => journalStorage({ path, clock }), cleanup: async () => undefined };
  },
  skip: {
    'several instances': 'one process at a time: the file has no lock',
    erasing: 'lines are never changed',
    losing: 'it keeps no second note of what was acknowledged',
  },
  describe,
  it,
});

describe('a Nexus on the journal', () => {
  it('goes on where it stopped', async () => {
    const path = newFile();
    const seen: unknown[] = [];
    const start = () => {
      const nexus = createNexus({ storage: journalStorage({ path }), logger: false });
      nexus.onEvent('ORDER_PLACED', { name: 'orders' }, (order) => void seen.push(order.id));
      return nexus;
    };
    const first = start();
    await first.dispatch('ORDER_PLACED', { id: 'o-1' });
    await first.idle();
    await first.close();

    const second = start();
    await second.dispatch('ORDER_PLACED', { id: 'o-2' });
    await second.idle();
    const { items } = await second.events.list({ after: 0 });
    await second.close();
    expect(items.map(({ seq, payload }) => [seq, payload.id])).toEqual([
      [1, 'o-1'],
      [2, 'o-2'],
    ]);
    expect(seen).toEqual(['o-1', 'o-2']);
  });

  it('keeps dead letters for ever, over restarts, too', async () => {
    const path = newFile();
    const t = createTestNexus({
      storage: (clock) => journalStorage({ path, clock }),
      reactors: [defineReactor({ on: 'ORDER_PLACED', name: 'orders', handler: () => undefined })],
    });
    t.failNext('orders', new NonRetryableError('no'));
    await t.dispatch('ORDER_PLACED', { id: 'o-1' });
    await t.advance('1h');
    t.crashAfter('append');
    await t.dispatch('OTHER', {}).catch(() => undefined);
    await t.close();
    const next = createNexus({ storage: journalStorage({ path }), logger: false });
    expect((await next.deadLetters.list()).items).toHaveLength(1);
    await next.close();
  });

  it('drops a line that was cut short: nobody was told of it', async () => {
    const path = newFile();
    const first = createNexus({ storage: journalStorage({ path }), logger: false });
    await first.dispatch('ORDER_PLACED', { id: 'o-1' });
    await first.close();
    const whole = readFileSync(path, 'utf8');
    appendFileSync(path, '{"operation":"commit","at":1,"arg');
    const second = createNexus({ storage: journalStorage({ path }), logger: false });
    expect((await second.events.list()).items).toHaveLength(1);
    expect(readFileSync(path, 'utf8').startsWith(whole)).toBe(true);
    await second.dispatch('ORDER_PLACED', { id: 'o-2' });
    await second.close();
    const third = createNexus({ storage: journalStorage({ path }), logger: false });
    expect((await third.events.list()).items).toHaveLength(2);
    await third.close();
  });

  it('survives every crash of the test kit', async () => {
    for (const point of ['append', 'claim', 'handler', 'settle'] as const) {
      const path = newFile();
      const t = createTestNexus({
        storage: (clock: Clock) => journalStorage({ path, clock }),
        reactors: [
          defineReactor({
            on: 'ORDER_PLACED',
            name: 'orders',
            handler: (_order, ctx) => void ctx.dispatch('SHIPPED', {}),
          }),
        ],
      });
      t.crashAfter(point);
      await t.dispatch('ORDER_PLACED', { id: 'o-1' }).catch(() => undefined);
      await t.drain({ untilDone: true });
      t.expectDispatched('SHIPPED', {}, { times: 1 });
      expect(t.crashes).toBe(1);
      await t.close();
    }
  });
});
