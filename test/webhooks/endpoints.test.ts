import { describe, expect, it } from 'vitest';
import { createMemoryDatabase } from '../../src/storage/memory/index.js';
import { record, type Bus } from '../support/bus.js';
import { createReceiver, nodeFor, push, status, until } from './receiver.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const story = async ({ nexus }: Bus): Promise<string[]> =>
  (await nexus.events.list({ after: 0, limit: 1_000 })).items
    .map(({ type }) => type)
    .filter((type) => type.startsWith('nexus.'));

describe('an endpoint that answers 410', () => {
  it('is disabled: a position that stands still, and goes on where it was once it is enabled', async () => {
    const to = await createReceiver(status(410));
    const bus = push({ shop: nodeFor(to.url) });
    const { nexus, attempt, clock } = bus;
    const told = record(nexus, 'endpoint:disabled', 'endpoint:enabled');
    await nexus.start();
    const { id } = await nexus.dispatch('A', { n: 0 });
    expect(await attempt(1)).toMatchObject({ outcome: 'gone', status: 410 });
    expect(told).toEqual([{ name: 'endpoint:disabled', moment: { node: 'shop', reason: 'gone' } }]);
    for (let n = 1; n <= 50; n++) await nexus.dispatch('A', { n });
    await clock.advance(10 * DAY_MS);
    await nexus.idle();
    expect(to.received).toHaveLength(1);
    const [info] = await nexus.endpoints.list();
    expect(info).toMatchObject({
      state: 'disabled',
      reason: 'gone',
      lastFailure: {
        error: { code: 'NEXUS_ENDPOINT_FAILED', message: expect.stringContaining('410') as string },
      },
      counts: { pending: 1, running: 0, succeeded: 0, dead: 0 },
    });
    expect(info?.since).toBeDefined();
    expect(info?.lag).toBeGreaterThanOrEqual(50);
    to.answer = status(204);
    await nexus.endpoints.enable('shop');
    await until(() => to.received.length === 52);
    await nexus.idle();
    expect(new Set(to.received.map(({ json }) => json.id)).size).toBe(51);
    // The one that was told 410 spent no attempt.
    expect((await nexus.deliveries.list({ eventId: id })).items).toMatchObject([
      { state: 'succeeded', attempt: 1 },
    ]);
    expect(await nexus.endpoints.list()).toMatchObject([{ state: 'enabled', reason: undefined, lag: 0 }]);
    expect(told.at(-1)).toEqual({ name: 'endpoint:enabled', moment: { node: 'shop' } });
    expect(await story(bus)).toEqual(['nexus.endpoint.disabled', 'nexus.endpoint.enabled']);
  });

  it('is disabled in other processes that run, and enabled by any of them', async () => {
    const to = await createReceiver(status(410));
    const nodes = { shop: nodeFor(to.url) };
    const first = push(nodes);
    const second = push(nodes, { beside: first });
    const told = [record(first.nexus, 'endpoint:disabled'), record(second.nexus, 'endpoint:disabled')];
    await Promise.all([first.nexus.start(), second.nexus.start()]);
    await Promise.all([first.nexus.reactors.list(), second.nexus.reactors.list()]);
    await first.nexus.dispatch('A', {});
    await until(() => told.some((each) => each.length > 0));
    await first.clock.advance(2_000);
    const heard = to.received.length;
    for (const { nexus } of [first, second]) for (let n = 0; n < 5; n++) await nexus.dispatch('A', { n });
    await first.clock.advance(DAY_MS);
    expect(to.received).toHaveLength(heard);
    for (const { nexus } of [first, second])
      expect(await nexus.endpoints.list()).toMatchObject([{ state: 'disabled', reason: 'gone' }]);
    to.answer = status(204);
    await second.nexus.endpoints.enable('shop');
    await first.clock.advance(2_000);
    await until(() => new Set(to.received.map(({ json }) => json.id)).size === 11);
    expect(told.flat()).toHaveLength(1);
  });

  it('stays disabled after a restart, with its reason', async () => {
    const to = await createReceiver(status(410));
    const nodes = { shop: nodeFor(to.url) };
    const first = push(nodes);
    await first.nexus.start();
    await first.nexus.dispatch('A', {});
    await first.attempt(1);
    await first.nexus.close();
    const second = push(nodes, { beside: first });
    await second.nexus.start();
    await second.nexus.dispatch('A', {});
    await second.clock.advance(HOUR_MS);
    expect(to.received).toHaveLength(1);
    expect(await second.nexus.endpoints.list()).toMatchObject([{ state: 'disabled', reason: 'gone' }]);
    to.answer = status(204);
    await second.nexus.endpoints.enable('shop');
    await until(() => to.received.length === 3);
  });

  it('is disabled once, however many deliveries hear it', async () => {
    const to = await createReceiver(status(410));
    const bus = push({ shop: nodeFor(to.url) });
    const told = record(bus.nexus, 'endpoint:disabled');
    await bus.nexus.start();
    await bus.nexus.dispatchMany(Array.from({ length: 40 }, (_, n) => ({ type: 'A', payload: { n } })));
    await bus.attempt(1);
    await bus.nexus.idle();
    expect(told).toHaveLength(1);
    expect(await story(bus)).toEqual(['nexus.endpoint.disabled']);
    expect(to.received.length).toBeLessThanOrEqual(16);
  });
});

/** Events come every six hours; each is tried as the clock goes on. */
async function live(bus: ReturnType<typeof push>, hours: number, wait: () => Promise<void>): Promise<void> {
  for (let hour = 0; hour < hours; hour += 6) {
    await bus.nexus.dispatch('A', { hour });
    await wait();
    await bus.clock.advance(6 * HOUR_MS);
    await wait();
  }
}
const rested = (bus: ReturnType<typeof push>) => async (): Promise<void> =>
  await until(async () => (await bus.nexus.stats()).inFlight === 0);

describe('an endpoint that only fails', () => {
  it('is disabled after five days, also when no process lives that long', async () => {
    const to = await createReceiver(status(500));
    const nodes = {
      shop: nodeFor(to.url, { retry: { maxAttempts: 3, backoff: 'fixed', initialMs: HOUR_MS, jitter: 0 } }),
    };
    let bus = push(nodes, {});
    const first = bus;
    for (let day = 0; day < 4; day++) {
      await live(bus, 24, rested(bus));
      expect(await bus.nexus.endpoints.list()).toMatchObject([{ state: 'enabled' }]);
      await bus.nexus.close();
      bus = push(nodes, { beside: first });
    }
    const told = record(bus.nexus, 'endpoint:disabled');
    await live(bus, 36, rested(bus));
    expect(told).toEqual([{ name: 'endpoint:disabled', moment: { node: 'shop', reason: 'failing' } }]);
    const [info] = await bus.nexus.endpoints.list();
    expect(info).toMatchObject({ state: 'disabled', reason: 'failing' });
    expect(await story(bus)).toEqual(['nexus.endpoint.failing', 'nexus.endpoint.disabled']);
    // Enabled again it has five days again.
    await bus.nexus.endpoints.enable('shop');
    await live(bus, 24, rested(bus));
    expect(await bus.nexus.endpoints.list()).toMatchObject([{ state: 'enabled' }]);
  });

  it('is not, if one delivery was taken in between, by whichever process', async () => {
    const to = await createReceiver((got, response) =>
      status((got.json.payload as { ok?: true }).ok ? 204 : 500)(got, response, 0),
    );
    const nodes = {
      shop: nodeFor(to.url, { retry: { maxAttempts: 3, backoff: 'fixed', initialMs: HOUR_MS, jitter: 0 } }),
    };
    let bus = push(nodes);
    const first = bus;
    for (let day = 0; day < 7; day++) {
      await live(bus, 24, rested(bus));
      if (day === 3) {
        await bus.nexus.dispatch('A', { ok: true });
        await rested(bus)();
      }
      await bus.nexus.close();
      bus = push(nodes, { beside: first });
    }
    expect(await bus.nexus.endpoints.list()).toMatchObject([{ state: 'enabled' }]);
    expect((await story(bus)).slice(0, 3)).toEqual([
      'nexus.endpoint.failing',
      'nexus.endpoint.recovered',
      'nexus.endpoint.failing',
    ]);
  });

  it('leaves nothing in the log while it flaps', async () => {
    let up = false;
    const to = await createReceiver((got, response) => {
      up = !up;
      status(up ? 204 : 500)(got, response, 0);
    });
    const bus = push({ shop: nodeFor(to.url) });
    await bus.nexus.start();
    for (let n = 0; n < 50; n++) {
      await bus.nexus.dispatch('A', { n });
      await rested(bus)();
      await bus.clock.advance(10 * 60_000);
      await rested(bus)();
    }
    expect(await story(bus)).toEqual([]);
  });
});

describe('nexus.endpoints', () => {
  it('pings, signed, also where it is disabled, and tells what came of it', async () => {
    const to = await createReceiver();
    const bus = push({ shop: nodeFor(to.url) });
    const { nexus } = bus;
    expect(await nexus.endpoints.test('shop')).toEqual({ ok: true, status: 204, ms: 0, error: undefined });
    expect(to.received[0]?.json).toMatchObject({ event: 'nexus.ping', payload: {}, seq: 0 });
    expect(to.received[0]?.headers['webhook-signature']).toMatch(/^v1,/);
    await nexus.endpoints.disable('shop');
    to.answer = status(418);
    expect(await nexus.endpoints.test('shop')).toMatchObject({
      ok: false,
      status: 418,
      error: { code: 'NEXUS_ENDPOINT_FAILED' },
    });
    to.answer = status(410);
    expect(await nexus.endpoints.test('shop')).toMatchObject({ ok: false, status: 410 });
    expect((await nexus.events.list({ type: 'nexus.ping' })).items).toEqual([]);
    await expect(nexus.endpoints.test('nobody')).rejects.toMatchObject({ code: 'NEXUS_NOT_FOUND' });
  });

  it('disables and enables by hand; a pause of the reactor counts as that', async () => {
    const to = await createReceiver();
    const { nexus } = push({ shop: nodeFor(to.url), quiet: nodeFor(to.url, {}, { subscribe: [] }) });
    await nexus.endpoints.disable('shop');
    await nexus.dispatch('A', {});
    await nexus.idle();
    expect(await nexus.endpoints.list()).toMatchObject([
      { node: 'shop', state: 'disabled', reason: 'operator', lag: 1, counts: { pending: 0 } },
      { node: 'quiet', types: [], state: 'enabled' },
    ]);
    await nexus.endpoints.enable('shop');
    await nexus.idle();
    expect(to.received).toHaveLength(1);
    await nexus.reactors.pause('webhook:shop');
    expect(await nexus.endpoints.list()).toMatchObject([
      { state: 'disabled', reason: 'operator', since: undefined },
      {},
    ]);
    await nexus.endpoints.enable('shop');
    expect(await nexus.endpoints.list()).toMatchObject([
      { state: 'enabled', lastSuccess: { at: expect.any(Number) as number } },
      {},
    ]);
    await expect(nexus.endpoints.disable('nobody')).rejects.toMatchObject({ code: 'NEXUS_NOT_FOUND' });
    await expect(nexus.endpoints.disable('quiet')).rejects.toMatchObject({ code: 'NEXUS_NOT_FOUND' });
  });

  it('costs nothing where no node has a webhook', async () => {
    const database = createMemoryDatabase();
    const { nexus } = push({ reader: { secrets: ['s'.repeat(32)] } });
    await nexus.start();
    expect(await nexus.endpoints.list()).toEqual([]);
    expect(await nexus.reactors.list()).toEqual([]);
    expect(database.events).toEqual([]);
  });

  it('leaves a delivery that runs while it closes for the next start, no attempt spent', async () => {
    const to = await createReceiver(() => undefined);
    const nodes = { shop: nodeFor(to.url) };
    const first = push(nodes);
    await first.nexus.start();
    await first.nexus.dispatch('A', {});
    await until(() => to.received.length === 1);
    const closed = first.nexus.close({ timeoutMs: 0 });
    await first.clock.advance(1);
    expect(await closed).toMatchObject({ interrupted: 1 });
    to.answer = status(204);
    const second = push(nodes, { beside: first });
    await second.nexus.start();
    expect(await second.attempt(1)).toMatchObject({ outcome: 'delivered', attempt: 1 });
  });
});
