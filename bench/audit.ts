/** What the chain costs who dispatches, and how fast it is verified. */
import { createNexus } from './end-to-end.js';
import type { Measured } from './measure.js';
import { payment, paymentOf } from './payment.js';

/** Events verified per second of one core, and by how many MB the process grew over it. */
export async function verifiedPerSecond(file: string, events: number): Promise<Measured> {
  const nexus = createNexus({ storage: file, events: { PAYMENT_RECEIVED: payment }, logger: false });
  for (let n = 0; n < events; n += 1_000) {
    const items = Array.from({ length: 1_000 }, (_, i) => ({
      type: 'PAYMENT_RECEIVED' as const,
      payload: paymentOf(n + i),
    }));
    await nexus.dispatchMany(items);
  }
  const checkpoint = await nexus.audit.checkpoint();
  // Once before, as whoever verifies every day does.
  await nexus.audit.verify({ from: Math.max(1, events - 20_000) });
  const before = process.memoryUsage().rss;
  let most = before;
  const began = process.cpuUsage();
  const report = await nexus.audit.verify({
    checkpoint,
    onProgress: () => {
      most = Math.max(most, process.memoryUsage.rss());
    },
  });
  const { user, system } = process.cpuUsage(began);
  const cpuSeconds = (user + system) / 1e6;
  const perSecond = events / cpuSeconds;
  if (!report.ok || report.events !== events) throw new Error(`verified ${report.events} of ${events}`);
  await nexus.close();
  return { perSecond, cpuSeconds, memoryMb: (most - before) / 2 ** 20 };
}
