import { describe, expect, it, onTestFinished } from 'vitest';
import { createAlerts, type AlertDigest, type AlertsOptions } from '../../src/alerts/index.js';
import { RetryAfterError } from '../../src/index.js';
import { ingress, type Ingress, type Nexus, type NexusWithIngress } from '../../src/nexus.js';
import { createBus, deferred } from '../support/bus.js';
import { turns } from '../support/test-clock.js';

type Told = AlertDigest['notices'][number];

/** Alerts on the clock of the bus, with what the sink was told. */
function watched(options: Partial<AlertsOptions> = {}, bus = createBus()) {
  const digests: AlertDigest[] = [];
  const errors: unknown[] = [];
  const alerts = createAlerts(bus.nexus, {
    sink: (digest) => void digests.push(digest),
    clock: bus.clock,
    onError: (error) => errors.push(error),
    ...options,
  });
  onTestFinished(() => void alerts.stop());
  const told = (): [Told['state'], string, number][] =>
    digests.flatMap(({ notices }) =>
      notices.map(({ state, fingerprint, count }): [Told['state'], string, number] => [
        state,
        fingerprint,
        count,
      ]),
    );
  return { ...bus, alerts, digests, errors, told };
}

/** Through which the edges tell of refusals. */
function doorOf(nexus: Nexus): Ingress {
  return (nexus as Nexus & NexusWithIngress)[ingress];
}

function dies(nexus: Nexus, name: string, code = 'Boom'): void {
  nexus.onEvent('A', { name, retry: { maxAttempts: 1 } }, () => {
    throw Object.assign(new Error('the card 4111 is refused'), { code });
  });
}

describe('dead letters', () => {
  it('are told once, then what was added, then that it is over', async () => {
    const { nexus, clock, told, digests } = watched();
    dies(nexus, 'mailer');
    await nexus.dispatch('A', {});
    await nexus.dispatch('A', {});
    await clock.advance(999);
    expect(told()).toEqual([]);
    await clock.advance(1);
    expect(told()).toEqual([['raised', 'dead:mailer:Boom', 2]]);
    await nexus.dispatch('A', {});
    await clock.advance(298_000);
    expect(told()).toHaveLength(1);
    await clock.advance(3_000);
    expect(told().slice(1)).toEqual([['ongoing', 'dead:mailer:Boom', 1]]);
    await clock.advance(600_000);
    expect(told()).toHaveLength(2);
    await nexus.deadLetters.discard({});
    await clock.advance(31_000);
    expect(told().slice(2)).toEqual([['recovered', 'dead:mailer:Boom', 0]]);
    const [first] = digests;
    expect(first?.notices[0]?.details).toMatchObject({
      reactor: 'mailer',
      type: 'A',
      code: 'Boom',
      reason: 'attempts_spent',
    });
    expect(JSON.stringify(digests)).not.toContain('4111');
    await clock.advance(3_600_000);
    expect(told()).toHaveLength(3);
  });

  it('are not over while one of the code is left', async () => {
    const { nexus, clock, told } = watched();
    dies(nexus, 'mailer', 'X');
    dies(nexus, 'other', 'X');
    await nexus.dispatch('A', {});
    await nexus.idle();
    await clock.advance(1_000);
    await nexus.deadLetters.discard({ reactor: 'other' });
    await clock.advance(31_000);
    expect(told().filter(([state]) => state === 'recovered')).toEqual([['recovered', 'dead:other:X', 0]]);
  });

  it('that come back within the window wait for its end', async () => {
    const { nexus, clock, told } = watched();
    dies(nexus, 'mailer');
    await nexus.dispatch('A', {});
    await clock.advance(1_000);
    await nexus.deadLetters.discard({});
    await clock.advance(31_000);
    await nexus.dispatch('A', {});
    await clock.advance(100_000);
    expect(told()).toHaveLength(2);
    await clock.advance(300_000);
    expect(told()[2]).toEqual(['raised', 'dead:mailer:Boom', 1]);
  });

  it('whose ordering key cannot be told are told too', async () => {
    const { nexus, clock, told } = watched();
    const orderBy = (): never => {
      throw new Error('no');
    };
    nexus.onEvent('A', { name: 'r', orderBy }, () => undefined);
    await nexus.dispatch('A', {});
    await nexus.idle();
    await clock.advance(1_000);
    expect(told()).toEqual([['raised', 'dead:r:NEXUS_ORDER_KEY', 1]]);
  });

  it('may be told with the message, where the host says so', async () => {
    const { nexus, clock, digests } = watched({ includeMessages: true });
    dies(nexus, 'mailer');
    await nexus.dispatch('A', {});
    await clock.advance(1_000);
    expect(digests[0]?.notices[0]?.details).toMatchObject({ message: 'the card 4111 is refused' });
  });

  it('of a thousand kinds are counted to the last', async () => {
    const { nexus, clock, digests } = watched();
    nexus.onEvent('A', { name: 'many', retry: { maxAttempts: 1 }, concurrency: 100 }, (payload) => {
      throw Object.assign(new Error('no'), { code: `E${(payload as { n: number }).n}` });
    });
    await nexus.dispatchMany(Array.from({ length: 1_000 }, (_, n) => ({ type: 'A', payload: { n } })));
    await nexus.idle();
    await clock.advance(1_000);
    await clock.advance(600_000);
    expect(digests.length).toBeLessThanOrEqual(2);
    const notices = digests.flatMap((digest) => digest.notices);
    expect(notices.length).toBeLessThanOrEqual(401);
    expect(notices.reduce((sum, { count }) => sum + count, 0)).toBe(1_000);
  });
});

describe('other troubles', () => {
  it('a queue that is old, until it is not', async () => {
    const { nexus, clock, told } = watched({ rules: { queueAge: { overMs: 60_000 } } });
    nexus.onEvent('A', { name: 'r' }, () => undefined);
    await nexus.idle();
    await nexus.reactors.pause('r');
    await nexus.dispatch('A', {});
    await clock.advance(59_000);
    expect(told()).toEqual([]);
    await clock.advance(40_000);
    expect(told()).toEqual([['raised', 'queue', 1]]);
    await nexus.reactors.resume('r');
    await nexus.idle();
    await clock.advance(32_000);
    expect(told()[1]).toEqual(['recovered', 'queue', 0]);
  });

  it('a handler that does not return', async () => {
    const { nexus, clock, told } = watched({ rules: { deadLetters: false } });
    nexus.onEvent(
      'A',
      { name: 'r', timeoutMs: 1_000, retry: { maxAttempts: 1 } },
      () => new Promise(() => undefined),
    );
    await nexus.dispatch('A', {});
    await clock.advance(13_000);
    expect(told()).toEqual([['raised', 'stuck:r', 1]]);
    await clock.advance(700_000);
    expect(told().slice(1)).toEqual([['recovered', 'stuck:r', 0]]);
  });

  it('refusals, once there are enough of one address', async () => {
    const { nexus, clock, told } = watched({ rules: { authFailures: { count: 5, withinMs: 60_000 } } });
    const door = doorOf(nexus);
    const deny = (ip: string, times: number): void => {
      for (let i = 0; i < times; i++) door.denied({ node: `made-up-${i}`, reason: 'signature', ip });
    };
    deny('192.0.2.1', 4);
    deny('192.0.2.2', 7);
    await clock.advance(1_000);
    expect(told()).toEqual([['raised', 'auth:192.0.2.2', 7]]);
    await clock.advance(60_000);
    deny('192.0.2.1', 4);
    await clock.advance(600_000);
    expect(told()).toEqual([
      ['raised', 'auth:192.0.2.2', 7],
      ['recovered', 'auth:192.0.2.2', 0],
    ]);
  });

  it('a node that asks for what it may not', async () => {
    const { nexus, clock, told } = watched({ rules: { authFailures: { count: 2 } } });
    for (let i = 0; i < 2; i++)
      doorOf(nexus).denied({ node: 'shop', reason: 'permission', ip: `192.0.2.${i}` });
    await clock.advance(1_000);
    expect(told()).toEqual([['raised', 'auth:node:shop', 2]]);
  });

  it('endpoints, until they are enabled, and a log that does not verify', async () => {
    const bus = createBus();
    const listeners = new Map<string, (moment: unknown) => void>();
    const on = bus.nexus.on.bind(bus.nexus);
    bus.nexus.on = (name, listener) => {
      listeners.set(name, listener as never);
      return on(name, listener);
    };
    const { clock, told, digests } = watched({}, bus);
    listeners.get('endpoint:disabled')?.({ node: 'shop', reason: 'gone' });
    listeners.get('audit:broken')?.({ seq: 7, reason: 'hash', message: 'no', logId: 'x' });
    await clock.advance(1_000);
    expect(told()).toEqual([
      ['raised', 'endpoint:shop', 1],
      ['raised', 'audit:7', 1],
    ]);
    expect(digests).toHaveLength(1);
    listeners.get('endpoint:enabled')?.({ node: 'shop' });
    await clock.advance(1_000);
    expect(told()[2]).toEqual(['recovered', 'endpoint:shop', 0]);
  });

  it('are left out where their rule is off', async () => {
    const rules = {
      deadLetters: false,
      stuckReactors: false,
      storageErrors: false,
      disabledEndpoints: false,
      auditBreaks: false,
      lostEvents: false,
      queueAge: false,
      authFailures: false,
    } as const;
    const { nexus, clock, told } = watched({ rules });
    dies(nexus, 'mailer');
    await nexus.dispatch('A', {});
    for (let i = 0; i < 50; i++) doorOf(nexus).denied({ node: 'x', reason: 'token', ip: 'y' });
    await clock.advance(3_600_000);
    expect(told()).toEqual([]);
  });
});

describe('a sink', () => {
  it('that fails is tried again, and told everything, once', async () => {
    let failing = true;
    const digests: AlertDigest[] = [];
    const { nexus, clock, errors } = watched({
      sink: (digest) => {
        if (failing) throw new Error('no route');
        digests.push(digest);
      },
    });
    dies(nexus, 'mailer');
    await nexus.dispatch('A', {});
    await clock.advance(1_000);
    await nexus.dispatch('A', {});
    await clock.advance(3_500);
    expect(errors.length).toBeGreaterThanOrEqual(3);
    failing = false;
    await clock.advance(60_000);
    expect(digests.flatMap(({ notices }) => notices)).toMatchObject([{ state: 'raised', count: 2 }]);
    expect(await nexus.stats()).toMatchObject({ head: 2, deliveries: { dead: 2 } });
  });

  it('that fails raises nothing, however long', async () => {
    const tried: number[] = [];
    const { nexus, clock, errors } = watched({
      sink: async ({ notices }) => {
        tried.push(notices.length);
        throw new Error('no route');
      },
    });
    dies(nexus, 'mailer');
    await nexus.dispatch('A', {});
    await clock.advance(24 * 3_600_000);
    expect(new Set(tried)).toEqual(new Set([1]));
    // 1 s, 2 s … 256 s, then every 5 minutes.
    expect(errors.length).toBeLessThan(24 * 12 + 12);
    expect((await nexus.stats()).head).toBe(1);
  });

  it('is asked one thing at a time, and waited for no longer than 30 s', async () => {
    const gate = deferred();
    let calls = 0;
    const { nexus, clock, errors } = watched({
      sink: async () => {
        calls += 1;
        await gate.promise;
      },
    });
    dies(nexus, 'mailer');
    await nexus.dispatch('A', {});
    await clock.advance(1_000);
    dies(nexus, 'second');
    await nexus.dispatch('A', {});
    await clock.advance(29_000);
    expect([calls, errors.length]).toEqual([1, 0]);
    await clock.advance(2_000);
    expect([calls, errors.length]).toEqual([2, 1]);
    gate.resolve();
  });

  it('that asks for patience gets it', async () => {
    const at: number[] = [];
    const { nexus, clock } = watched({
      sink: () => {
        at.push(clock.now());
        if (at.length === 1) throw new RetryAfterError(45_500);
      },
    });
    dies(nexus, 'mailer');
    await nexus.dispatch('A', {});
    await clock.advance(120_000);
    expect(at).toHaveLength(2);
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBe(45_500);
  });
});

describe('the end', () => {
  it('tells what was not told when the Nexus closes', async () => {
    const { nexus, told } = watched({ windowMs: 3_600_000 });
    dies(nexus, 'mailer');
    await nexus.dispatch('A', {});
    await nexus.idle();
    await nexus.close();
    await turns();
    expect(told()).toEqual([['raised', 'dead:mailer:Boom', 1]]);
  });

  it('comes at the deadline, whatever the sink does', async () => {
    const { nexus, clock, alerts, errors } = watched({
      sink: () => new Promise(() => undefined),
      flushTimeoutMs: 2_000,
    });
    dies(nexus, 'mailer');
    await nexus.dispatch('A', {});
    await nexus.idle();
    let ended = false;
    void alerts.stop().then(() => (ended = true));
    await clock.advance(1_999);
    expect(ended).toBe(false);
    await clock.advance(1);
    expect(ended).toBe(true);
    expect(errors).toHaveLength(1);
  });

  it('comes also where the sink rejects at once, for ever', async () => {
    const { nexus, clock, alerts } = watched({ sink: () => Promise.reject(new RetryAfterError(0)) });
    dies(nexus, 'mailer');
    await nexus.dispatch('A', {});
    await nexus.idle();
    let ended = false;
    void alerts.stop().then(() => (ended = true));
    await clock.advance(5_000);
    expect(ended).toBe(true);
  });

  it('leaves no timer and no listener', async () => {
    const bus = createBus();
    const before = bus.clock.timers();
    const { alerts, nexus } = watched({}, bus);
    expect(bus.clock.timers()).toBe(before + 1);
    await alerts.stop();
    await alerts.stop();
    expect(bus.clock.timers()).toBe(before);
    dies(nexus, 'mailer');
    await nexus.dispatch('A', {});
    await nexus.idle();
    await bus.clock.advance(1_000_000);
  });
});

it.each<[RegExp, unknown]>([
  [/sink must be a function/, {}],
  [/rules must be an object/, { rules: 7 }],
  [/queueAge.overMs/, { rules: { queueAge: { overMs: 0 } } }],
  [/authFailures.count/, { rules: { authFailures: { count: 0 } } }],
  [/windowMs/, { windowMs: 1 }],
  [/checkMs/, { checkMs: Number.NaN }],
])('refuses %s', (message, wrong) => {
  const sink = String(message).includes('sink') ? undefined : () => undefined;
  expect(() => createAlerts(createBus().nexus, { sink, ...(wrong as object) } as never)).toThrow(message);
});
