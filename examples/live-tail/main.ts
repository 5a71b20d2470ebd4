/** `NEXUS_TOKEN=… npx tsx examples/live-tail/main.ts https://bus.example/nexus [types…] [--after=seq] [--cursor=file]` */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createNexusClient } from '@neo-protocol/nexus/sdk';
import { lineOf, noteOf } from './tail.js';

const [url = 'http://localhost:3000/nexus', ...types] = process.argv
  .slice(2)
  .filter((each) => !each.startsWith('--'));
const option = (name: string): string | undefined =>
  process.argv.find((each) => each.startsWith(`--${name}=`))?.slice(name.length + 3);
const after = option('after');
const file = option('cursor');
const color = process.stdout.isTTY && process.env.NO_COLOR === undefined;

const client = createNexusClient({
  url,
  token: process.env.NEXUS_TOKEN ?? '',
  onState: (state) => {
    const note = noteOf(state);
    if (note !== undefined) process.stderr.write(`-- ${note}\n`);
  },
});
const subscription = client.onEvent(
  types.length > 0 ? types : '*',
  (_payload, { event }) => void process.stdout.write(`${lineOf(event, { color })}\n`),
  {
    ...(after !== undefined && { after: Number(after) }),
    ...(file !== undefined && {
      cursor: {
        load: () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined),
        save: (seq) => writeFileSync(file, String(seq)),
      },
    }),
  },
);

process.once('SIGINT', () => void client.close());
process.once('SIGTERM', () => void client.close());
process.exitCode = (await subscription.closed) ? 1 : 0;
