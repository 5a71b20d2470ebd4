import { expect, it } from 'vitest';
import { createBus } from '../support/bus.js';

it('a seek backward finds events of a type that was dropped after they were passed', async () => {
  const first = createBus();
  first.nexus.onEvent('B', { name: 'r' }, () => undefined);
  await first.nexus.reactors.list();
  await first.nexus.close();

  const speaker = createBus({ beside: first });
  await speaker.nexus.dispatch('B', {});
  await speaker.nexus.reactors.seek('r', 'now');

  const second = createBus({ beside: first });
  const seen: unknown[] = [];
  second.nexus.onEvent('A', { name: 'r' }, (_, ctx) => seen.push(ctx.event.type));
  await second.nexus.reactors.list();
  await second.nexus.reactors.seek('r', 0);
  await second.nexus.idle();
  expect(seen).toEqual(['B']);
});
