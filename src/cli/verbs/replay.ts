/** `nexus replay`: runs reactors again over what is in the log. */
import type { Replay, ReplayOptions, ReplayProgress, ReplayReport } from '../../index.js';
import { looking, steering } from '../desks.js';
import { exitCodes, usageError } from '../exit-codes.js';
import { plain, type Cell, type Terminal } from '../terminal.js';
import { showInstant } from '../time.js';
import { dangerOptions, databaseOption, defineVerb, hostOption, type Verb } from '../verb.js';

const start = defineVerb({
  name: 'replay',
  summary: 'Run reactors again over events of the log',
  about: `The hosts that have the reactors do the work, beside live events; here it is only begun and watched. Ctrl-C ends the watching,
not the replay: \`nexus replays cancel\` does that. Effects inside ctx.once are not done again and children are not doubled,
unless --fresh. It says what it would do, and asks, before it begins.`,
  over: ['file', 'http'],
  options: {
    ...databaseOption,
    ...hostOption,
    reactor: {
      kind: 'text',
      value: 'name',
      short: 'r',
      many: true,
      help: 'This reactor; may be given several times',
    },
    all: { kind: 'flag', help: 'Every reactor' },
    from: {
      kind: 'place',
      value: 'where',
      otherwise: 'the first event',
      help: 'From this seq, or not before this date or duration ago',
    },
    to: {
      kind: 'place',
      value: 'where',
      otherwise: 'the newest event',
      help: 'Up to this seq, or before this date or duration ago',
    },
    type: { kind: 'text', value: 'type', short: 't', many: true, help: 'Only events of this type' },
    fresh: { kind: 'flag', help: 'Do effects again, and append new children' },
    forgotten: { kind: 'flag', help: 'Also where retention has removed what ctx.once remembered' },
    'dry-run': { kind: 'flag', help: 'Only say what would run' },
    ...dangerOptions,
  },
  examples: [
    { line: 'nexus replay --reactor mint-on-payment --from 2h --dry-run', says: 'what it would be' },
    {
      line: 'nexus replay --reactor mint-on-payment --from 1200 --to 1300 --yes',
      says: 'a hundred places of the log',
    },
  ],
  run: async (call) => {
    const { options, terminal, signal } = call;
    const { reactor, all, from, to, type, fresh, forgotten } = options;
    if (reactor.length === 0 && !all) throw usageError('say which: --reactor, or --all');
    const asked: ReplayOptions = {
      reactors:
        reactor.length > 0
          ? reactor
          : await looking(call, async ({ reactors }) => (await reactors.list()).map(({ name }) => name)),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(type.length > 0 && { types: type }),
      fresh,
      forgotten: forgotten ? 'run' : 'refuse',
      signal,
    };
    const looked = terminal.bar('looking');
    const would = await looking(call, (desks) =>
      desks.replay({ ...asked, dryRun: true, onProgress: ({ done, total }) => looked.at(done, total) }),
    ).finally(() => looked.end());
    if (options['dry-run']) {
      showReport(terminal, would);
      return 0;
    }
    const count = would.reactors.reduce((sum, { events }) => sum + events, 0);
    if (!terminal.json) for (const line of reportLines(would)) terminal.say(line);
    await terminal.confirm(
      `Replay ${count} deliveries${fresh ? ', and do their effects again' : ''}?`,
      options.yes,
    );
    const bar = terminal.bar('replaying');
    const begun: { run?: number | undefined } = {};
    const onProgress = ({ run, done, total }: ReplayProgress): void => {
      begun.run = run;
      bar.at(done, total);
    };
    try {
      const report = await steering(call, (desks) => desks.replay({ ...asked, onProgress }));
      bar.end();
      showReport(terminal, report);
      return report.reactors.some(({ dead }) => dead > 0) ? exitCodes.failed : exitCodes.ok;
    } catch (error) {
      bar.end();
      if (signal.aborted) {
        const what = begun.run === undefined ? 'what was begun' : `replay ${begun.run}`;
        terminal.say(`${what} goes on in the hosts that have the reactors: see \`nexus replays list\``);
      }
      throw error;
    }
  },
});

function showReport(terminal: Terminal, report: ReplayReport): void {
  if (terminal.json) terminal.data(report);
  else for (const line of reportLines(report)) terminal.out(line);
}

function reportLines({ run, state, fresh, reactors }: ReplayReport): string[] {
  return [
    `${run === undefined ? 'dry run' : `replay ${run}`}: ${state}${fresh ? ', fresh' : ''}`,
    ...reactors.map(({ reactor, events, skipped, dead, before }) => {
      const children = (before?.children ?? [])
        .map(({ type, count }) => `${count} ${plain(type)}`)
        .join(', ');
      const left = before
        ? `; earlier runs left ${before.once} results of ctx.once and ${children || 'no'} children`
        : '';
      return `  ${plain(reactor)}: ${events} events, ${skipped} left out, ${dead} dead${left}`;
    }),
  ];
}

const list = defineVerb({
  name: 'replays list',
  summary: 'List replays, the newest first',
  over: ['file', 'http'],
  options: {
    ...databaseOption,
    ...hostOption,
    limit: { kind: 'whole', value: 'n', short: 'n', otherwise: '20', help: 'At most so many' },
  },
  examples: [{ line: 'nexus replays list', says: 'how far they are' }],
  run: async (call) => {
    const { items } = await looking(call, ({ replays }) =>
      replays.list({ limit: Math.min(call.options.limit ?? 20, 1_000) }),
    );
    if (call.terminal.json) for (const replay of items) call.terminal.data(replay);
    else call.terminal.table(items.map(rowOf));
    if (items.length === 0) call.terminal.say('no replays');
    return 0;
  },
});

function rowOf({ run, state, from, to, done, total, createdAt, reactors }: Replay): Cell[] {
  const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
  const tone = state === 'done' ? 'good' : state === 'running' ? 'warn' : 'dim';
  return [
    run,
    { tone, text: state },
    `${percent} %`,
    `seq ${from}..${to}`,
    showInstant(createdAt),
    reactors.map(({ reactor }) => reactor).join(','),
  ];
}

const cancel = defineVerb({
  name: 'replays cancel',
  summary: 'End a replay that runs; its open deliveries are cancelled',
  over: ['file', 'http'],
  args: [{ name: 'run', help: 'Its number' }],
  options: { ...databaseOption, ...hostOption },
  examples: [{ line: 'nexus replays cancel 3', says: 'what it has done stays done' }],
  run: async (call) => {
    const [given = ''] = call.args;
    if (!/^\d{1,15}$/.test(given)) throw usageError(`<run> must be a number; got ${JSON.stringify(given)}`);
    const run = Number(given);
    const now = await steering(call, async ({ replays }) => {
      await replays.cancel(run);
      return await replays.get(run);
    });
    if (call.terminal.json) call.terminal.data(now);
    else call.terminal.out(`replay ${run} is ${now?.state ?? 'gone'}`);
    return 0;
  },
});

export const replay: readonly Verb[] = [start, list, cancel];
