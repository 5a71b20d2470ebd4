import { expect, it } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import { createBus } from '../support/bus.js';

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
