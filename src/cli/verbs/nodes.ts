/** `nexus nodes`: who may say what, and new secrets for them. */
import { createNexus, memoryStorage, type NodeInfo } from '../../index.js';
import { usageError } from '../exit-codes.js';
import { nodesOf, nodesOption, nodesPath, rotateInFile } from '../nodes-file.js';
import type { Cell } from '../terminal.js';
import { showInstant } from '../time.js';
import { remoteDesks } from '../remote-desks.js';
import { dangerOptions, defineVerb, hostOption, type Call, type Verb } from '../verb.js';

const listOptions = { ...hostOption, ...nodesOption } as const;

const list = defineVerb({
  name: 'nodes list',
  summary: 'List the nodes of a file, or of a host: what they may, and how many secrets count',
  about: `Secrets and tokens are shown as fingerprints, which are those of one process. A host reads the file when it starts and at
SIGHUP.`,
  over: ['file', 'http'],
  options: listOptions,
  examples: [
    {
      line: 'nexus nodes list --nodes config/permissions.json --env-file .env',
      says: 'as a host would read it',
    },
  ],
  run: async (call) => {
    const found = call.options.url === undefined ? await ofFile(call) : await remoteDesks(call).nodes.list();
    if (call.terminal.json) for (const node of found) call.terminal.data(node);
    else
      call.terminal.table(
        found.map(({ name, dispatch, subscribe, secrets, tokens, admin, webhook }): Cell[] => [
          { tone: 'name', text: name },
          admin ? { tone: 'warn', text: 'admin' } : '',
          `${secrets.filter(({ active }) => active).length} secrets, ${tokens.length} tokens`,
          `says ${dispatch.join(',') || 'nothing'}`,
          `reads ${subscribe.join(',') || 'nothing'}`,
          webhook === undefined ? '' : `webhook ${webhook.url}`,
          ends(secrets),
        ]),
      );
    return 0;
  },
});

async function ofFile(call: Pick<Call<typeof nodesOption>, 'options' | 'env'>): Promise<readonly NodeInfo[]> {
  const nexus = createNexus({
    storage: memoryStorage(),
    logger: false,
    autoStart: false,
    nodes: nodesOf(call),
  });
  const found = await nexus.nodes.list();
  await nexus.close();
  return found;
}

function ends(
  secrets: readonly { readonly notAfter: number | undefined; readonly active: boolean }[],
): string {
  const soon = secrets.flatMap(({ notAfter, active }) =>
    active && notAfter !== undefined ? [notAfter] : [],
  );
  return soon.length === 0 ? '' : `an old secret counts until ${showInstant(Math.min(...soon))}`;
}

const rotate = defineVerb({
  name: 'nodes rotate',
  summary: 'Give a node a new secret; the old one counts for a while longer',
  about: `Makes a secret (whsec_…), adds it to --env-file under a new name, and puts the name first in the file of the nodes, where the old
secrets get an end. The secret is not shown: hand it to the node from the file. Then have the host read both again
(SIGHUP). It asks before it writes.`,
  over: ['file'],
  args: [{ name: 'node', help: 'The node' }],
  options: {
    ...nodesOption,
    grace: {
      kind: 'duration',
      value: 'time',
      otherwise: '24h',
      help: 'How long the old secrets still count',
    },
    ...dangerOptions,
  },
  examples: [
    {
      line: 'nexus nodes rotate flowpay --env-file .env --grace 48h',
      says: 'two days to bring it to FlowPay',
    },
    { line: 'kill -HUP $(cat nexus.pid)', says: 'the host reads it' },
  ],
  run: async (call) => {
    const [node = ''] = call.args;
    const { options, terminal } = call;
    const variables = options['env-file'];
    if (variables === undefined)
      throw usageError('--env-file must say where the new secret goes: it is not shown');
    const nodes = nodesPath(call);
    const graceMs = options.grace ?? 86_400_000;
    await terminal.confirm(`Give ${node} a new secret, in ${variables} and ${nodes}?`, options.yes);
    const done = rotateInFile({ nodes, variables }, call.env, { node, graceMs, now: Date.now() });
    if (terminal.json) terminal.data(done);
    else {
      terminal.out(
        `${node} signs with ${done.variable}; ${done.old.join(', ') || 'nothing'} counts until ${showInstant(done.oldUntil)}`,
      );
      terminal.say(`hand it the value of ${done.variable} from ${variables}, and send the host SIGHUP`);
    }
    return 0;
  },
});

export const nodes: readonly Verb[] = [list, rotate];
