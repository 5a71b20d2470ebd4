/** `nexus dead`: dead letters, looked at, driven again, or let go. */
import type { Delivery } from '../../index.js';
import { looking, steering } from '../desks.js';
import type { Desks } from '../remote-desks.js';
import { usageError } from '../exit-codes.js';
import { showDeliveries } from '../show-deliveries.js';
import {
  dangerOptions,
  databaseOption,
  defineVerb,
  hostOption,
  type Call,
  type Options,
  type Verb,
} from '../verb.js';

const selection = {
  reactor: { kind: 'text', value: 'name', help: 'Only of this reactor' },
  type: { kind: 'text', value: 'type', help: 'Only of events of this type' },
  error: { kind: 'text', value: 'code', help: 'Only whose error has this code' },
} as const satisfies Options;

/** So many are in memory at most, and in one edit. */
const AT_ONCE = 1_000;

const list = defineVerb({
  name: 'dead list',
  summary: 'List dead letters',
  over: ['file', 'http'],
  options: {
    ...databaseOption,
    ...hostOption,
    ...selection,
    limit: { kind: 'whole', value: 'n', short: 'n', otherwise: '50', help: 'At most so many' },
  },
  examples: [{ line: 'nexus dead list --reactor mint-on-payment', says: 'with what went wrong' }],
  run: async (call) => {
    const found = await looking(call, (desks) => select(desks, call, call.options.limit ?? 50));
    showDeliveries(call.terminal, found);
    if (found.length === 0) call.terminal.say('no dead letters');
    return 0;
  },
});

type Deed = {
  readonly name: 'redrive' | 'discard';
  readonly summary: string;
  readonly about: string;
  readonly ask: (count: number) => string;
  readonly act: (desks: Desks, ids: readonly string[]) => Promise<number>;
};

function verbOf(deed: Deed): Verb {
  return defineVerb({
    name: `dead ${deed.name}`,
    summary: deed.summary,
    about: deed.about,
    over: ['file', 'http'],
    args: [
      {
        name: 'id',
        optional: true,
        many: true,
        help: 'The ids of deliveries; otherwise say which, or --all',
      },
    ],
    options: {
      ...databaseOption,
      ...hostOption,
      ...selection,
      all: { kind: 'flag', help: 'All of them' },
      limit: { kind: 'whole', value: 'n', short: 'n', otherwise: '10000', help: 'At most so many' },
      'dry-run': { kind: 'flag', help: 'Only show which' },
      ...dangerOptions,
    },
    examples: [
      { line: `nexus dead ${deed.name} --reactor mint-on-payment --dry-run`, says: 'which it would be' },
      {
        line: `nexus dead ${deed.name} --reactor mint-on-payment --error ECONNREFUSED --yes`,
        says: 'without being asked',
      },
    ],
    run: async (call) => {
      const { options, terminal, args } = call;
      const { reactor, type, error, all, limit = 10_000 } = options;
      if (args.length === 0 && !all && (reactor ?? type ?? error) === undefined)
        throw usageError('say which: ids, --reactor, --type, --error, or --all');
      const done = deed.name === 'redrive' ? 'redriven' : 'discarded';
      // Chosen once, before anything is done: what dies again meanwhile is not driven round in a circle.
      const chosen = await looking(call, (desks) =>
        args.length > 0 ? byId(desks, args) : select(desks, call, limit),
      );
      if (options['dry-run']) {
        showDeliveries(terminal, chosen);
        terminal.say(`${chosen.length} dead letters; nothing was done`);
        return 0;
      }
      if (chosen.length === 0) {
        if (terminal.json) terminal.data({ [done]: 0 });
        terminal.say('no dead letters');
        return 0;
      }
      await terminal.confirm(deed.ask(chosen.length), options.yes);
      const ids = chosen.map(({ id }) => id);
      let count = 0;
      await steering(call, async (desks) => {
        for (let i = 0; i < ids.length; i += AT_ONCE)
          count += await deed.act(desks, ids.slice(i, i + AT_ONCE));
      });
      if (terminal.json) terminal.data({ [done]: count });
      else terminal.out(`${count} ${done}`);
      return 0;
    },
  });
}

async function select(
  { deadLetters }: Pick<Desks, 'deadLetters'>,
  { options }: Pick<Call<typeof selection>, 'options'>,
  limit: number,
): Promise<Delivery[]> {
  const { reactor, type, error } = options;
  const found: Delivery[] = [];
  let after: string | undefined;
  while (found.length < limit) {
    const page = await deadLetters.list({
      ...(reactor !== undefined && { reactor }),
      ...(type !== undefined && { type }),
      ...(error !== undefined && { errorCode: error }),
      ...(after !== undefined && { after }),
      limit: Math.min(limit - found.length, AT_ONCE),
    });
    found.push(...page.items);
    after = page.next;
    if (after === undefined) break;
  }
  return found;
}

async function byId({ deliveries }: Pick<Desks, 'deliveries'>, ids: readonly string[]): Promise<Delivery[]> {
  const found: Delivery[] = [];
  for (const id of ids) {
    const each = await deliveries.get(id);
    if (each?.state === 'dead') found.push(each);
  }
  return found;
}

export const dead: readonly Verb[] = [
  list,
  verbOf({
    name: 'redrive',
    summary: 'Make dead letters pending again, with a fresh set of attempts',
    about: `Find and mend what killed them first: a running host has them again within a second. It asks before it begins.`,
    ask: (count) => `Redrive ${count} dead letters?`,
    act: async ({ deadLetters }, ids) => (await deadLetters.redrive({ ids, limit: ids.length })).redriven,
  }),
  verbOf({
    name: 'discard',
    summary: 'Give dead letters up for good',
    about: `They are cancelled, with a record that somebody has decided so; their events stay in the log. It asks before it begins.`,
    ask: (count) => `Discard ${count} dead letters for good?`,
    act: async ({ deadLetters }, ids) => (await deadLetters.discard({ ids, limit: ids.length })).discarded,
  }),
];
