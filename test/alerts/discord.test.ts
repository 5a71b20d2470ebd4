import { describe, expect, it, onTestFinished } from 'vitest';
import { proveAlerts } from '../../proof/alerts.js';
import { discordAlerts, discordSink, type AlertNotice } from '../../src/alerts/index.js';
import { discordMessage, sizeOf } from '../../src/alerts/discord-message.js';
import { RetryAfterError } from '../../src/index.js';
import { createBus } from '../support/bus.js';
import { turns } from '../support/test-clock.js';
import { counted, fakeDiscord, whatIsWrong } from './fake-discord.js';

const signal = new AbortController().signal;
const notice = (more: Partial<AlertNotice> = {}): AlertNotice => ({
  state: 'raised',
  rule: 'dead_letters',
  severity: 'critical',
  fingerprint: 'dead:r:X',
  title: 'dead letters of r (X)',
  count: 1,
  total: 1,
  firstAt: 1_800_000_000_000,
  lastAt: 1_800_000_000_000,
  details: { reactor: 'r' },
  ...more,
});

describe('a storm of 1,000 dead letters in a second', () => {
  it.each([1, 15, 1_000])('of %i kinds is at most three messages, with none left out', async (kinds) => {
    const discord = await fakeDiscord();
    const { nexus, clock } = createBus();
    const alerts = discordAlerts(nexus, { webhookUrl: discord.url, host: 'neobot', clock });
    onTestFinished(() => void alerts.stop());
    nexus.onEvent('A', { name: 'mailer', retry: { maxAttempts: 1 }, concurrency: 100 }, (payload) => {
      const { n } = payload as { n: number };
      throw Object.assign(new Error('no'), { code: `E${n % kinds}` });
    });
    // Discord is busy with others.
    discord.next.push({
      status: 429,
      body: JSON.stringify({ message: 'x', retry_after: 1.5, global: false }),
    });
    for (let from = 0; from < 1_000; from += 100) {
      await nexus.dispatchMany(
        Array.from({ length: 100 }, (_, i) => ({ type: 'A', payload: { n: from + i } })),
      );
      await clock.advance(90);
    }
    await nexus.idle();
    await clock.advance(1_000);
    await discord.answered(1);
    await turns(50);
    expect(discord.answers).toEqual([429]);
    await clock.advance(1_500);
    await discord.answered(2);
    await turns(50);
    // Whatever is left for after the window.
    await clock.advance(300_000);
    await turns(50);
    const raised = discord.messages.length;
    expect(discord.messages.reduce((sum, message) => sum + counted(message), 0)).toBe(1_000);
    expect((await nexus.stats()).deliveries.dead).toBe(1_000);
    await nexus.deadLetters.discard({ limit: 1_000 });
    await clock.advance(31_000);
    await discord.answered(raised + 2);
    await turns(50);
    expect(discord.messages.length).toBeLessThanOrEqual(3);
    expect(discord.answers.filter((status) => status === 400)).toEqual([]);
    const last = JSON.stringify(discord.messages.at(-1));
    expect(last).toContain('recovered: dead letters of mailer');
  });
});

it('is the same on the real clock, with a busy Discord: told within three messages, and told when it is over', async () => {
  const report = await proveAlerts({ kinds: 15, busy: true, windowMs: 3_000, checkMs: 200 });
  expect(report).toMatchObject({ dead: 1_000, told: 1_000, malformed: 0, tooEarly: 0, recovered: true });
  expect(report.refused).toBeGreaterThan(0);
  expect(report.posts).toBeLessThanOrEqual(3);
});

describe('a message', () => {
  it.each([1, 9, 10, 11, 50, 208])('of %i notices is within what Discord takes', (count) => {
    const long = 'x'.repeat(3_000);
    for (const text of ['short', long, '*_`'.repeat(500), '🎉'.repeat(1_500), '']) {
      const notices = Array.from({ length: count }, (_, i) =>
        notice({
          title: `${text}${i}`,
          count: 3,
          details: Object.fromEntries(Array.from({ length: 30 }, (_, k) => [`${text}${k}`, text])),
        }),
      );
      const message = discordMessage({ at: 1_800_000_000_000, notices }, { host: long, username: 'nexus' });
      expect(whatIsWrong(JSON.stringify(message))).toBeUndefined();
      expect(counted(message as never)).toBe(count * 3);
      expect(JSON.stringify(message).isWellFormed()).toBe(true);
      expect(message.embeds.reduce((sum, embed) => sum + sizeOf(embed), 0)).toBeLessThanOrEqual(6_000);
    }
  });

  it('mentions nobody, and has no markup of strangers', () => {
    const evil = '@everyone <@1> [click](http://evil.test)\n**bold** `code`';
    const message = discordMessage({ at: 0, notices: [notice({ title: evil, details: { node: evil } })] });
    expect(message.allowed_mentions).toEqual({ parse: [] });
    const [embed] = message.embeds;
    const markup = /(?<!\\)[@*`[\]<>]|\n/;
    expect(embed?.title).not.toMatch(markup);
    expect(embed?.fields?.[0]?.value).not.toMatch(markup);
  });
});

describe('the sink', () => {
  it.each<[string, { body?: string; headers?: Record<string, string> }, number]>([
    ['seconds in the body', { body: '{"retry_after":0.65}' }, 650],
    ['up to ten minutes', { body: '{"retry_after":600}' }, 600_000],
    ['seconds in the header', { headers: { 'retry-after': '7' }, body: '<html>' }, 7_000],
    ['no time at all', { body: 'null' }, 5_000],
  ])('waits as Discord says: %s', async (_, answer, ms) => {
    const discord = await fakeDiscord();
    discord.next.push({ status: 429, ...answer });
    const told = Promise.resolve(
      discordSink({ webhookUrl: discord.url })({ at: 0, notices: [notice()] }, { signal }),
    );
    const error: unknown = await told.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(RetryAfterError.is(error) && error.when).toBe(ms);
  });

  it('fails with what Discord answered, and never shows its address', async () => {
    const discord = await fakeDiscord();
    discord.next.push({ status: 404, body: '{"message":"Unknown Webhook"}' });
    const sink = discordSink({ webhookUrl: discord.url });
    await expect(sink({ at: 0, notices: [notice()] }, { signal })).rejects.toThrow(/404.*Unknown Webhook/);
    const nowhere = discordSink({ webhookUrl: 'http://127.0.0.1:1/api/webhooks/1/s3cret' });
    const error: unknown = await Promise.resolve(nowhere({ at: 0, notices: [notice()] }, { signal })).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(Error);
    expect(String(error) + JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('s3cret');
  });

  it.each(['', 'ftp://x.test', 'http://discord.test/api/webhooks/1/s3cret', 7])(
    'refuses the address %s',
    (webhookUrl) => {
      const make = () => discordSink({ webhookUrl: webhookUrl as string });
      expect(make).toThrow(expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }));
      expect(make).not.toThrow(/s3cret/);
    },
  );
});
