/** `nexus endpoints`: where nodes have their events delivered. */
import type { EndpointInfo } from '../../index.js';
import { looking, steering } from '../desks.js';
import { exitCodes } from '../exit-codes.js';
import { nodesOf, nodesOption } from '../nodes-file.js';
import { plain, type Cell } from '../terminal.js';
import { showInstant } from '../time.js';
import { databaseOption, defineVerb, hostOption, type Call, type Verb } from '../verb.js';

const options = { ...databaseOption, ...hostOption, ...nodesOption } as const;
/** A host knows its own. */
const nodesFor = (call: Call<typeof options>) => () => ({ nodes: nodesOf(call) });
const nodeArgument = [{ name: 'node', help: 'The node' }] as const;

const list = defineVerb({
  name: 'endpoints list',
  summary: 'List webhook endpoints: whether they are enabled, and how far they are',
  over: ['file', 'http'],
  options,
  examples: [
    {
      line: 'nexus endpoints list --nodes config/permissions.json --env-file .env',
      says: 'of the nodes in this file',
    },
  ],
  run: async (call) => {
    const found = await looking(call, ({ endpoints: desk }) => desk.list(), nodesFor(call));
    if (call.terminal.json) for (const endpoint of found) call.terminal.data(endpoint);
    else call.terminal.table(found.map(rowOf));
    if (found.length === 0) call.terminal.say('no node has a webhook');
    return 0;
  },
});

function rowOf({ node, url, state, reason, since, lag, counts, lastFailure }: EndpointInfo): Cell[] {
  const disabled = `disabled${reason === undefined ? '' : ` (${reason})`}${since === undefined ? '' : ` since ${showInstant(since)}`}`;
  return [
    { tone: 'name', text: node },
    state === 'enabled' ? { tone: 'good', text: 'enabled' } : { tone: 'bad', text: disabled },
    `lag ${lag}`,
    `${counts.pending} pending`,
    `${counts.dead} dead`,
    url,
    lastFailure === undefined ? '' : `last failure ${showInstant(lastFailure.at)} ${lastFailure.error.code}`,
  ];
}

const test = defineVerb({
  name: 'endpoints test',
  summary: 'Send a signed ping to an endpoint',
  about: `Once, also where it is disabled; the ping is in no log. The exit code is 1 where it is not answered with 2xx.`,
  over: ['file', 'http'],
  args: nodeArgument,
  options,
  examples: [
    {
      line: 'nexus endpoints test flowcloser --nodes config/permissions.json --env-file .env',
      says: 'does it take our signature?',
    },
  ],
  run: async (call) => {
    const [node = ''] = call.args;
    const came = await looking(call, ({ endpoints: desk }) => desk.test(node), nodesFor(call));
    if (call.terminal.json) call.terminal.data(came);
    else {
      const why = came.error === undefined ? '' : ` ${plain(came.error.code)}: ${plain(came.error.message)}`;
      call.terminal.out(
        `${came.ok ? 'answered' : 'failed'} ${came.status ?? ''} in ${Math.round(came.ms)} ms${why}`,
      );
    }
    return came.ok ? exitCodes.ok : exitCodes.failed;
  },
});

function switching(what: 'enable' | 'disable', summary: string): Verb {
  return defineVerb({
    name: `endpoints ${what}`,
    summary,
    over: ['file', 'http'],
    args: nodeArgument,
    options,
    examples: [
      {
        line: `nexus endpoints ${what} flowcloser --nodes config/permissions.json --env-file .env`,
        says: 'in all processes',
      },
    ],
    run: async (call) => {
      const [node = ''] = call.args;
      const now = await steering(
        call,
        async ({ endpoints: desk }) => {
          await desk[what](node);
          return (await desk.list()).find((each) => each.node === node);
        },
        nodesFor(call),
      );
      if (call.terminal.json) call.terminal.data(now);
      else if (now) call.terminal.table([rowOf(now)]);
      return 0;
    },
  });
}

export const endpoints: readonly Verb[] = [
  list,
  test,
  switching('enable', 'Go on delivering where it stopped; no event is left out'),
  switching('disable', 'Deliver nothing more; its position stands still'),
];
