/** `nexus send`: says an event. */
import { bytesOf, pairsOf, parseObject } from '../body.js';
import { editing } from '../database.js';
import { usageError } from '../exit-codes.js';
import { createRemote, jsonOf, problemOf } from '../remote.js';
import { loadCatalogue } from '../serve/load-config.js';
import { schemeOption, secretOf, secretOptions, signatureHeaders, type Scheme } from '../signing.js';
import { plain } from '../terminal.js';
import { databaseOption, defineVerb, hostOption, type Call } from '../verb.js';

const options = {
  ...databaseOption,
  ...hostOption,
  data: {
    kind: 'text',
    value: 'json',
    short: 'd',
    otherwise: '{}',
    help: 'The payload; @file reads a file, - stdin',
  },
  key: { kind: 'text', value: 'key', help: 'Idempotency key: saying it again gives the first event back' },
  correlation: { kind: 'text', value: 'id', help: 'Correlation id' },
  header: {
    kind: 'text',
    value: 'name=value',
    many: true,
    help: 'Small text beside the payload; may be given several times',
  },
  node: {
    kind: 'text',
    value: 'node',
    env: 'NEXUS_NODE',
    help: 'Who says it: the node whose secret signs (HTTP), or the source (file)',
  },
  config: {
    kind: 'file',
    value: 'file',
    help: 'For a file: the configuration whose catalogue the payload is checked against',
  },
  ...schemeOption,
  ...secretOptions,
} as const;

export const send = defineVerb({
  name: 'send',
  summary: 'Say an event',
  about: `To a host it is a signed POST, with the secret of --node. To a file it is appended as the host's own, and the reactors of a
running host get it within a second; without --config its payload is not checked against any schema. What was said comes
back on stdout. A host takes the same bytes under the nexus scheme for one event: give another --key to say it again.`,
  over: ['file', 'http'],
  args: [{ name: 'type', help: 'The event type' }],
  options,
  examples: [
    {
      line: `nexus send LEAD_QUALIFIED --data '{"leadId":"l-1"}' --key lead-1`,
      says: 'to the database file',
    },
    {
      line: 'nexus send PAYMENT_RECEIVED --data @payment.json --url https://nexus.example.com --node flowpay',
      says: 'to a host, signed with NEXUS_SECRET',
    },
  ],
  run: async (call) => {
    const { terminal } = call;
    const [type = ''] = call.args;
    const given = call.options.data ?? '{}';
    const payload = parseObject(
      await bytesOf(given, terminal),
      given.startsWith('@') ? given.slice(1) : 'the payload',
    );
    const said =
      call.options.url === undefined ? await append(call, type, payload) : await post(call, type, payload);
    if (terminal.json) terminal.data(said);
    else
      terminal.out(
        `${plain(said.type)} ${said.id} seq ${said.seq}${said.duplicate ? ' (said before; nothing was added)' : ''}`,
      );
    return 0;
  },
});

type Said = {
  readonly id: string;
  readonly seq: number;
  readonly type: string;
  readonly timestamp: number;
  readonly duplicate: boolean;
};

async function append(call: Call<typeof options>, type: string, payload: object): Promise<Said> {
  const { key, correlation, header, node, config } = call.options;
  const headers = pairsOf('header', header);
  const events = config === undefined ? undefined : await loadCatalogue(config, call.env);
  const source = node === undefined ? {} : { node };
  return await editing(
    call,
    async (nexus) =>
      await nexus.dispatch(type, payload, {
        ...(key !== undefined && { idempotencyKey: key }),
        ...(correlation !== undefined && { correlationId: correlation }),
        ...(headers && { headers }),
      }),
    { ...(events && { events }), ...source, floor: true },
  );
}

async function post(call: Call<typeof options>, type: string, payload: object): Promise<Said> {
  const { key, correlation, header, node, scheme } = call.options;
  if (node === undefined) throw usageError('--node must say who sends it: the host tries its secrets');
  const headers = pairsOf('header', header);
  const body = Buffer.from(
    JSON.stringify({
      event: type,
      payload,
      ...(key !== undefined && { idempotencyKey: key }),
      ...(correlation !== undefined && { correlationId: correlation }),
      ...(headers && { headers }),
    }),
  );
  const proof = signatureHeaders(body, secretOf(call), (scheme ?? 'nexus') as Scheme, Date.now());
  const remote = createRemote({ ...call, env: {} });
  const response = await remote.ask('/events', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'x-nexus-node': node, ...proof },
  });
  if (!response.ok) throw await problemOf(response, 'signed');
  const { eventId, seq, event, timestamp, duplicate } = await jsonOf(response);
  return {
    id: String(eventId),
    seq: Number(seq),
    type: String(event),
    timestamp: Number(timestamp),
    duplicate: duplicate === true,
  };
}
