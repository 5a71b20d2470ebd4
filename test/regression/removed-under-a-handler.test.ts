import { expect, it } from 'vitest';
import { createBus, deferred } from '../support/bus.js';

it('a handler whose reactor is removed sees its signal abort, in every process', async () => {
  const bus = createBus();
  const other = createBus({ beside: bus });
  const called = deferred();
  const aborted = deferred<unknown>();
  bus.nexus.onEvent('A', { name: 'r' }, async (_, { signal }) => {
    signal.addEventListener('abort', () => aborted.resolve((signal.reason as { code: string }).code));
    called.resolve();
    await new Promise(() => undefined);
  });
  const { id } = await bus.nexus.dispatch('A', {});
  await called.promise;
  await other.nexus.reactors.remove('r');
  expect(await aborted.promise).toBe('NEXUS_LEASE_LOST');
  expect(await bus.nexus.deliveries.list({ eventId: id })).toMatchObject({
    items: [{ state: 'cancelled', reason: 'reactor_removed' }],
  });
});

it('a handler whose reactor was registered anew elsewhere comes to its end', async () => {
  const bus = createBus();
  const other = createBus({ beside: bus });
  const called = deferred();
  const goOn = deferred();
  bus.nexus.onEvent('A', { name: 'r' }, async (_, ctx) => {
    called.resolve();
    await goOn.promise;
    ctx.dispatch('B', {});
  });
  const superseded = new Promise((resolve) => bus.nexus.on('reactor:superseded', resolve));
  const { id } = await bus.nexus.dispatch('A', {});
  await called.promise;
  other.nexus.onEvent(['A', 'C'], { name: 'r' }, () => undefined);
  await superseded;
  goOn.resolve();
  expect(await bus.nexus.settled(id)).toMatchObject([{ state: 'succeeded' }]);
});
