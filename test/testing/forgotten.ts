/** Uses a test Nexus with all that it has, and closes nothing: the process must end by itself. */
import { defineReactor } from '../../src/define-reactor.js';
import { createTestNexus, type TestNexus } from '../../src/testing/index.js';

let dispatched = 0;
let crashed = 0;
let asked = 0;
for (const storage of ['memory', 'sqlite'] as const) {
  const t: TestNexus = createTestNexus({ storage });
  const factory = await t.fakeNode('factory');
  t.nexus.register(
    defineReactor({
      on: 'PAID',
      handler: async (_payload, ctx) => {
        if (storage === 'sqlite' || ctx.attempt > 0) await fetch(factory.url);
        ctx.dispatch('MINTED', {});
      },
    }),
  );
  t.nexus.schedule({ everyMs: 60_000 }, 'TICK', {}, { name: 'tick' });
  t.crashAfter(storage === 'memory' ? 'handler' : 'settle');
  await t.dispatch('PAID', {});
  await t.drain();
  dispatched += t.dispatched('MINTED').length;
  crashed += t.crashes;
  asked += factory.requests.length;
}
process.stdout.write(`dispatched ${dispatched}, crashed ${crashed}, asked ${asked}\n`);
