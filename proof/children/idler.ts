/**
 * `fill`: leaves so many retries behind that are due in an hour. `idle`: a host that opens them and has nothing to do; then
 * it closes and must end by itself. Two processes, so that the idle one does not tidy up after the burst of the first.
 */
import { createNexus } from '../../src/create-nexus.js';

const [role = '', file = '', amount = '0'] = process.argv.slice(2);
const nexus = createNexus({ storage: file, logger: false });
nexus.onEvent('A', { name: 'later', retry: { initialMs: 3_600_000, backoff: 'fixed' } }, () => {
  throw new Error('in an hour');
});
if (role === 'fill') {
  for (let n = 0; n < Number(amount); n += 1_000) {
    await nexus.dispatchMany(
      Array.from({ length: Math.min(1_000, Number(amount) - n) }, () => ({ type: 'A', payload: {} })),
    );
  }
  await nexus.idle();
  await nexus.close();
} else {
  await nexus.idle();
  const { deliveries } = await nexus.stats();
  const timers = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
  // Of a process that has just started, the engine of the language tidies up the heap once, whatever it has loaded.
  await new Promise((resolve) => setTimeout(resolve, Number(amount) * 500));
  const before = process.cpuUsage();
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, Number(amount) * 1_000));
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
}
