/** A host with 10,000 retries due in an hour and nothing to do; then it closes and must end by itself. */
import { createNexus } from '../../src/create-nexus.js';

const [file = '', seconds = '1', retries = '0'] = process.argv.slice(2);
const nexus = createNexus({ storage: file, logger: false });
nexus.onEvent('A', { name: 'later', retry: { initialMs: 3_600_000, backoff: 'fixed' } }, () => {
  throw new Error('in an hour');
});
for (let n = 0; n < Number(retries); n += 1_000) {
  await nexus.dispatchMany(
    Array.from({ length: Math.min(1_000, Number(retries) - n) }, () => ({ type: 'A', payload: {} })),
  );
}
await nexus.idle();
const { deliveries } = await nexus.stats();
const timers = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
const before = process.cpuUsage();
const started = performance.now();
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1_000));
const { user, system } = process.cpuUsage(before);
const share = (user + system) / 1_000 / (performance.now() - started);
await nexus.close();
process.stdout.write(
  JSON.stringify({
    retrying: deliveries.retrying,
    timersThatKeepAlive: timers,
    cpuPercent: Math.round(share * 100_000) / 1_000,
  }),
);
