/** `nexus reactors`: how far each reactor is, and what to do about it. */
import type { ReactorInfo } from '../../index.js';
import { isRemote, looking, steering, type WayCall } from '../desks.js';
import type { Desks } from '../remote-desks.js';
import { missing, usageError } from '../exit-codes.js';
import type { Cell } from '../terminal.js';
import { dangerOptions, databaseOption, defineVerb, hostOption, type Verb } from '../verb.js';

const list = defineVerb({
  name: 'reactors list',
  summary: 'List reactors: position, lag, what is open and what is dead',
  over: ['file', 'http'],
  options: { ...databaseOption, ...hostOption },
  examples: [
    { line: 'nexus reactors list', says: 'all of them, those of other processes and webhooks too' },
    { line: `nexus reactors list --json | jq 'select(.lag > 100).name'`, says: 'who is behind' },
  ],
  run: async (call) => {
    const found = await looking(call, ({ reactors: desk }) => desk.list());
    show(call, found);
    if (found.length === 0) call.terminal.say('no reactors');
    return 0;
  },
});

function show(call: Pick<WayCall, 'options' | 'terminal'>, reactors: readonly ReactorInfo[]): void {
  const { terminal } = call;
  if (terminal.json) {
    // Whether it runs in the process that was asked: in that of the command line it never does.
    for (const reactor of reactors) terminal.data(isRemote(call) ? reactor : { ...reactor, here: undefined });
    return;
  }
  if (reactors.length === 0) return;
  const head: Cell[] = ['reactor', 'state', 'position', 'lag', 'pending', 'running', 'dead', 'types'].map(
    (text) => ({ tone: 'dim', text }),
  );
  terminal.table([
    head,
    ...reactors.map(({ name, paused, position, lag, counts, types, blockedKeys }): Cell[] => [
      { tone: 'name', text: name },
      paused ? { tone: 'warn', text: 'paused' } : { tone: 'good', text: 'active' },
      position,
      lag > 0 ? { tone: 'warn', text: String(lag) } : 0,
      counts.pending,
      counts.running,
      counts.dead > 0 ? { tone: 'bad', text: String(counts.dead) } : 0,
      `${types.join(',')}${blockedKeys.length > 0 ? ` (${blockedKeys.length} keys held up)` : ''}`,
    ]),
  ]);
}

type Deed = {
  readonly name: string;
  readonly summary: string;
  readonly about?: string;
  readonly act: (desk: Desks['reactors'], reactor: string) => Promise<unknown>;
};

function simple({ name, summary, about, act }: Deed): Verb {
  return defineVerb({
    name: `reactors ${name}`,
    summary,
    ...(about !== undefined && { about }),
    over: ['file', 'http'],
    args: [{ name: 'name', many: true, help: 'The names of reactors' }],
    options: { ...databaseOption, ...hostOption },
    examples: [{ line: `nexus reactors ${name} mint-on-payment`, says: `${name} one` }],
    run: async (call) => {
      await steering(call, async ({ reactors: desk }) => {
        for (const reactor of call.args) await act(desk, reactor);
        await showNamed(desk, call, call.args);
      });
      return 0;
    },
  });
}

async function showNamed(
  desk: Desks['reactors'],
  call: Pick<WayCall, 'options' | 'terminal'>,
  names: readonly string[],
): Promise<void> {
  const all = await desk.list();
  show(
    call,
    all.filter(({ name }) => names.includes(name)),
  );
}

const seek = defineVerb({
  name: 'reactors seek',
  summary: 'Move the position of a reactor',
  about: `Forward, the events between are left out. Backward, deliveries that are missing are created again, and those that exist stay;
to run a reactor again over what it has handled, use \`nexus replay\`. It asks before it moves.`,
  over: ['file', 'http'],
  args: [
    { name: 'name', help: 'The name of the reactor' },
    { name: 'to', help: 'A seq, or now' },
  ],
  options: { ...databaseOption, ...hostOption, ...dangerOptions },
  examples: [
    { line: 'nexus reactors seek mint-on-payment now', says: 'leave out what it has not reached' },
    { line: 'nexus reactors seek mint-on-payment 1200 --yes', says: 'go on behind seq 1200' },
  ],
  run: async (call) => {
    const [name = '', to = ''] = call.args;
    if (to !== 'now' && !/^\d{1,15}$/.test(to))
      throw usageError(`<to> must be a seq or now; got ${JSON.stringify(to)}`);
    const reactor = await named(call, name);
    const where = to === 'now' ? reactor.position + reactor.lag : Number(to);
    const what =
      where >= reactor.position
        ? `leave out up to ${where - reactor.position} events for ${name}`
        : `create missing deliveries of ${reactor.position - where} places again for ${name}`;
    await call.terminal.confirm(
      `Move from seq ${reactor.position} to ${where}, and ${what}?`,
      call.options.yes,
    );
    await steering(call, async ({ reactors: desk }) => {
      await desk.seek(name, to === 'now' ? 'now' : Number(to));
      await showNamed(desk, call, [name]);
    });
    return 0;
  },
});

const remove = defineVerb({
  name: 'reactors remove',
  summary: 'Forget a reactor that is no longer in any code',
  about: `Its open deliveries are cancelled and its position is forgotten; registered again under its name, it begins anew. It asks before
it does so.`,
  over: ['file', 'http'],
  args: [{ name: 'name', help: 'The name of the reactor' }],
  options: { ...databaseOption, ...hostOption, ...dangerOptions },
  examples: [{ line: 'nexus reactors remove old-mailer', says: 'after it was deleted from the code' }],
  run: async (call) => {
    const [name = ''] = call.args;
    const { counts } = await named(call, name);
    const open = counts.pending + counts.running;
    await call.terminal.confirm(`Remove ${name}, and cancel its ${open} open deliveries?`, call.options.yes);
    const { cancelled } = await steering(call, ({ reactors: desk }) => desk.remove(name));
    if (call.terminal.json) call.terminal.data({ removed: name, cancelled });
    else call.terminal.out(`${name} removed, ${cancelled} deliveries cancelled`);
    return 0;
  },
});

async function named(call: WayCall, name: string): Promise<ReactorInfo> {
  const reactor = (await looking(call, ({ reactors: desk }) => desk.list())).find(
    (each) => each.name === name,
  );
  if (!reactor) throw missing(`there is no reactor ${JSON.stringify(name)}; see \`nexus reactors list\``);
  return reactor;
}

export const reactors: readonly Verb[] = [
  list,
  simple({
    name: 'pause',
    summary: 'Start no further delivery of a reactor',
    about: `In all processes, within a second. Handlers that run come to their end; what comes meanwhile waits in storage.`,
    act: (desk, reactor) => desk.pause(reactor),
  }),
  simple({
    name: 'resume',
    summary: 'Go on where a reactor was paused',
    act: (desk, reactor) => desk.resume(reactor),
  }),
  seek,
  remove,
];
