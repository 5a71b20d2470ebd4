import { Writable } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { LoggerLike } from '../../src/index.js';
import { createBus, deferred } from '../support/bus.js';
import { secret, secrets, serve, signed } from '../http/serve.js';

type Entry = Record<string, unknown> & { level: number; msg: string };

/** A pino logger and the lines that it wrote. */
function logger(level: string): { logger: LoggerLike; text: () => string; lines: () => Entry[] } {
  let text = '';
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      text += chunk.toString();
      done();
    },
  });
  const lines = (): Entry[] =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Entry);
  return { logger: pino({ level, name: 'nexus' }, stream), text: () => text, lines };
}

const LEVELS = { debug: 20, info: 30, warn: 40, error: 50 };

/** Everything that goes well and badly, with marks in every payload, header and secret. */
async function wholeFlow(logger: LoggerLike): Promise<void> {
  const mark = 'MARKED';
  const shape = z.object({ card: z.string(), n: z.number() });
  const types = ['ORDER:A', 'ORDER:B', 'CHILD'];
  const events = Object.fromEntries(types.map((type) => [type, shape]));
  const { nexus, clock, post, send } = serve('fetch', { bus: { events, logger } });
  const payload = (n: number) => ({ card: `${mark}-${n}`, n });
  const gate = deferred();
  nexus.onEvent('ORDER:A', { name: 'fine' }, (_, ctx) => void ctx.dispatch('CHILD', payload(0)));
  nexus.onEvent('ORDER:A', { name: 'flaky', retry: { maxAttempts: 2, initialMs: 10 } }, (_, { attempt }) => {
    if (attempt === 1) throw new Error('first time');
  });
  nexus.onEvent('ORDER:A', { name: 'dies', retry: { maxAttempts: 1 } }, () => {
    throw new Error('always');
  });
  nexus.onEvent('ORDER:A', { name: 'wrong-child', retry: { maxAttempts: 1 } }, (_, ctx) => {
    ctx.dispatch('CHILD', { card: mark, n: mark });
  });
  nexus.onEvent('ORDER:B', { name: 'hangs', timeoutMs: 100, retry: { maxAttempts: 1 } }, () => gate.promise);
  nexus.onEvent('ORDER:B', { name: 'old', maxAgeMs: 1_000 }, () => undefined);
  nexus.on('delivery:dead', () => {
    throw new Error('a listener');
  });
  await nexus.idle();
  await nexus.reactors.pause('old');
  await nexus.dispatch('ORDER:A', payload(1), { headers: { mine: mark }, idempotencyKey: 'k1' });
  await nexus.dispatch('ORDER:A', payload(1), { idempotencyKey: 'k1' });
  await nexus.dispatch('ORDER:A', { card: mark }).catch(() => undefined);
  await post({ event: 'ORDER:B', payload: payload(2) });
  await post({ event: 'ORDER:B', payload: { card: mark } });
  await post({ event: 'FORBIDDEN', payload: payload(3) });
  await post(
    { event: 'ORDER:B', payload: payload(4) },
    { 'x-nexus-node': 'flowpay', 'x-nexus-signature': mark },
  );
  await send({ method: 'GET', path: '/events', headers: { authorization: `Bearer ${mark}${secret()}` } });
  await post(`{"event": "${mark}`, signed('flowpay', `{"event": "${mark}`));
  await clock.advance(60_000);
  await nexus.reactors.resume('old');
  gate.resolve();
  await nexus.idle();
  await nexus.nodes.rotate('flowpay', `${mark}${secret()}`);
  await nexus.close();
}

describe('the log', () => {
  it.each(['info', 'debug'] as const)('at %s has neither payloads nor headers nor secrets', async (level) => {
    const { logger: host, text } = logger(level);
    await wholeFlow(host);
    expect(text().length).toBeGreaterThan(1_000);
    expect(text()).not.toContain('MARKED');
    for (const each of Object.values(secrets)) expect(text()).not.toContain(each);
  });

  it('has a line per moment, with its ids, at a level that fits', async () => {
    const { logger: host, lines } = logger('debug');
    await wholeFlow(host);
    const of = (msg: string): Entry[] => lines().filter((line) => line.msg === msg);
    const expectLine = (msg: string, level: keyof typeof LEVELS, fields: object): void => {
      const found = of(msg);
      expect(found.length, msg).toBeGreaterThan(0);
      expect(found, msg).toContainEqual(expect.objectContaining({ level: LEVELS[level], ...fields }));
    };
    const some = expect.any(String) as string;
    const count = expect.any(Number) as number;
    expectLine('started', 'info', { head: 0 });
    expectLine('an event was stored', 'debug', {
      eventId: some,
      eventType: 'ORDER:A',
      seq: 1,
      source: 'nexus',
    });
    expectLine('a handler is called', 'debug', {
      reactor: 'fine',
      eventId: some,
      attempt: 1,
      deliveryId: some,
    });
    expectLine('a delivery succeeded', 'debug', { reactor: 'flaky', attempt: 2, ms: count, queuedMs: count });
    expectLine('a delivery failed and will be retried', 'warn', {
      reactor: 'flaky',
      attempt: 1,
      counted: true,
      failure: { code: 'Error', message: 'first time' },
    });
    expectLine('a delivery is dead', 'error', { reactor: 'dies', reason: 'attempts_spent', eventId: some });
    expectLine('a delivery is dead', 'error', {
      reactor: 'hangs',
      failure: expect.objectContaining({ code: 'NEXUS_TIMEOUT' }) as object,
    });
    expectLine('a delivery was cancelled', 'warn', { reactor: 'old', reason: 'too_old' });
    expectLine('a handler did not return after its timeout; its slot is given up for lost', 'error', {
      reactor: 'hangs',
    });
    expectLine('an event was said before', 'debug', { eventType: 'ORDER:A', eventId: some });
    expectLine('a request was turned away', 'warn', { node: 'flowpay', reason: 'signature' });
    expectLine('a request was turned away', 'warn', { node: 'flowpay', reason: 'permission' });
    expectLine('a request was answered', 'debug', { route: '/events', status: 202 });
    expectLine('a lifecycle listener failed', 'error', { lifecycle: 'delivery:dead' });
    expectLine('closed', 'info', { interrupted: 0 });
    expect(of('a delivery succeeded').length).toBe(2);
  });

  it('at info has nothing of what goes well', async () => {
    const { logger: host, lines } = logger('info');
    const { nexus } = createBus({ logger: host });
    nexus.onEvent('A', { name: 'r' }, () => undefined);
    for (let i = 0; i < 10; i++) await nexus.dispatch('A', {});
    await nexus.idle();
    await nexus.close();
    expect(lines().map(({ msg }) => msg)).toEqual(['started', 'closed']);
  });

  it('postpones without a warning', async () => {
    const { logger: host, lines } = logger('info');
    const { nexus, clock } = createBus({ logger: host });
    const { RetryAfterError } = await import('../../src/index.js');
    let calls = 0;
    nexus.onEvent('A', { name: 'r' }, () => {
      if (calls++ === 0) throw new RetryAfterError(100);
    });
    await nexus.dispatch('A', {});
    await clock.advance(1_000);
    const [line] = lines().filter(({ msg }) => msg.startsWith('a delivery failed'));
    expect(line).toMatchObject({ level: LEVELS.info, counted: false, retryInMs: 100 });
  });
});

describe('a logger', () => {
  it('of a level is asked before a line is made', async () => {
    const { logger: host } = logger('info');
    const made: string[] = [];
    const { nexus } = createBus({
      logger: {
        ...bound(host),
        debug: (_, message) => made.push(message),
        isLevelEnabled: (level) => level !== 'debug',
      },
    });
    nexus.onEvent('A', { name: 'r' }, () => undefined);
    await nexus.dispatch('A', {});
    await nexus.idle();
    expect(made).toEqual([]);
  });

  it('that does not know levels is given every line', async () => {
    const made: string[] = [];
    const note = (_: object, message: string): void => void made.push(message);
    const { nexus } = createBus({ logger: { debug: note, info: note, warn: note, error: note } });
    nexus.onEvent('A', { name: 'r' }, () => undefined);
    await nexus.dispatch('A', {});
    await nexus.idle();
    expect(made).toContain('a delivery succeeded');
  });

  it('that throws hurts nobody', async () => {
    const fail = (): never => {
      throw new Error('disk full');
    };
    const { nexus } = createBus({ logger: { debug: fail, info: fail, warn: fail, error: fail } });
    nexus.onEvent('A', { name: 'r', retry: { maxAttempts: 1 } }, () => {
      throw new Error('no');
    });
    const { id } = await nexus.dispatch('A', {});
    expect(await nexus.settled(id)).toMatchObject([{ state: 'dead' }]);
  });
});

function bound(host: LoggerLike): LoggerLike {
  return {
    debug: (fields, message) => host.debug(fields, message),
    info: (fields, message) => host.info(fields, message),
    warn: (fields, message) => host.warn(fields, message),
    error: (fields, message) => host.error(fields, message),
  };
}
