import { expect, it } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import type { Nexus } from '../../src/nexus.js';
import { createBus } from '../support/bus.js';

/** A commit that takes no time, on this clock, is followed by ones of the most that one may hold: 1,000. */
async function growBatches(nexus: Pick<Nexus, 'dispatch'>): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await Promise.all(
      Array.from({ length: 100 }, () => nexus.dispatch('PAYMENT_RECEIVED', { amount: '1.00' })),
    );
    await new Promise((resolve) => setImmediate(resolve));
  }
}

it('takes what comes from one turn of the event loop together, once it has seen that several come', async () => {
  const { nexus } = createBus();
  await nexus.start();
  const sizes: number[] = [];
  nexus.on('commit', ({ events }) => sizes.push(events.length));
  const wave = async (): Promise<void> => {
    const each = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      await nexus.dispatch('PAYMENT_RECEIVED', { amount: '1.00' });
    };
    await Promise.all(Array.from({ length: 100 }, each));
  };
  await wave();
  sizes.length = 0;
  await wave();
  expect(sizes).toEqual([100]);
  await nexus.close();
});

it('does not wait for the turn once there is a whole batch, three times at most', async () => {
  const { nexus } = createBus();
  await nexus.start();
  let turned = false;
  let beforeTheTurn = 0;
  const say = (count: number): Promise<void>[] =>
    Array.from({ length: count }, async () => {
      await nexus.dispatch('PAYMENT_RECEIVED', { amount: '1.00' });
      if (!turned) beforeTheTurn += 1;
    });
  await growBatches(nexus);
  setImmediate(() => (turned = true));
  const said: Promise<void>[] = [];
  for (let wave = 0; wave < 6; wave++) {
    said.push(...say(1_000));
    for (let tick = 0; tick < 20; tick++) await new Promise<void>((next) => process.nextTick(next));
  }
  await Promise.all(said);
  expect(beforeTheTurn).toBe(3_000);
  await nexus.close();
});

it('works off what has piled up in one batch a turn', async () => {
  const { nexus } = createBus();
  await nexus.start();
  await growBatches(nexus);
  let turns = 0;
  let open = true;
  const turn = (): void => {
    turns += 1;
    if (open) setImmediate(turn);
  };
  setImmediate(turn);
  const turnOf: number[] = [];
  nexus.on('commit', ({ events }) => {
    if (events.length === 1_000) turnOf.push(turns);
  });
  await Promise.all(
    Array.from({ length: 5_000 }, () => nexus.dispatch('PAYMENT_RECEIVED', { amount: '1.00' })),
  );
  open = false;
  expect(turnOf).toEqual([0, 1, 2, 3, 4]);
  await nexus.close();
});

it.each([
  { came: 1_000, committed: 2_000 },
  { came: 10, committed: 1_000 },
])(
  'commits as much as comes while something has piled up, so that it does not stay: $came',
  async ({ came, committed }) => {
    const { nexus } = createBus();
    await nexus.start();
    await growBatches(nexus);
    let turned = false;
    let beforeTheTurn = 0;
    setImmediate(() => (turned = true));
    nexus.on('commit', ({ events }) => {
      if (!turned) beforeTheTurn += events.length;
    });
    const said: Promise<unknown>[] = [];
    for (const wave of [5_000, came]) {
      for (let i = 0; i < wave; i++) said.push(nexus.dispatch('PAYMENT_RECEIVED', { amount: '1.00' }));
      for (let tick = 0; tick < 20; tick++) await new Promise<void>((next) => process.nextTick(next));
    }
    await Promise.all(said);
    expect(beforeTheTurn).toBe(committed);
    await nexus.close();
  },
);

it('leaves the event loop its turns, however quickly the next dispatch follows', async () => {
  const nexus = createNexus({ storage: ':memory:', logger: false });
  await nexus.start();
  let turns = 0;
  let dispatching = true;
  const turn = (): void => {
    turns += 1;
    if (dispatching) setImmediate(turn);
  };
  setImmediate(turn);
  for (let i = 0; i < 400; i++) await nexus.dispatch('PING', {});
  dispatching = false;
  expect(turns).toBeGreaterThanOrEqual(90);
  await nexus.close();
});
