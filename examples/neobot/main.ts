/** Runs Neobot until it is told to stop: `npx tsx examples/neobot/main.ts`, with the environment that `config.ts` reads. */
import { pino } from 'pino';
import { configFrom } from './config.js';
import { startNeobot } from './neobot.js';

const log = pino({ name: 'neobot' });
const neobot = await startNeobot(configFrom(process.env), log);
log.info({ url: neobot.url }, 'listening');

let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The second one means it.
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping');
    void neobot.close().then((report) => log.info(report, 'stopped'));
  });
}
