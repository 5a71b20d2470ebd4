import { expect, it } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import { createBus } from '../support/bus.js';

type Bus = ReturnType<typeof createBus>['nexus'];

function say(nexus: Bus, count: number): Promise<unknown>[] {
  return Array.from({ length: count }, () => nexus.dispatch('PAYMENT_RECEIVED', { amount: '1.00' }));
}

/** A commit that takes no time, on this clock, is followed by ones of the most that one may hold: 1,000. */
async function growBatches(nexus: Bus): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await Promise.all(say(nexus, 100));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Long enough for a commit, and no turn of the event loop. */
async function ticks(): Promise<void> {
  for (let tick = 0; tick < 20; tick++) await new Promise<void>((next) => process.nextTick(next));
}

/** Turns of the event loop from now on, until it is told to end. */
function countTurns(): { turns: number; end(): void } {
  let counting = true;
  const counted = {
    turns: 0,
    end: () => {
      counting = false;
    },
  };
  const turn = (): void => {
    counted.turns += 1;
    if (counting) setImmediate(turn);
  };
  setImmediate(turn);
  return counted;
}

it('takes what comes from one turn of the event loop together, once it has seen that several come', async () => {
  const { nexus } = createBus();
  await nexus.start();
  const sizes: number[] = [];
  nexus.on('commit', ({ events }) => sizes.push(events.length));
  const wave = async (): Promise<void> => {
    const each = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      await nexus.dispatch('PAYMENT_RECEIVED', { amount: '1.00' });
    };
    await Promise.all(Array.from({ length: 100 }, each));
  };
  await wave();
  sizes.length = 0;
  await wave();
  expect(sizes).toEqual([100]);
  await nexus.close();
});

it('does not wait for the turn once there is a whole batch, three times at most', async () => {
  const { nexus } = createBus();
  await nexus.start();
  let turned = false;
  let beforeTheTurn = 0;
  await growBatches(nexus);
  setImmediate(() => (turned = true));
  const said: Promise<unknown>[] = [];
  for (let wave = 0; wave < 6; wave++) {
    for (const each of say(nexus, 1_000)) said.push(each.then(() => turned || (beforeTheTurn += 1)));
    await ticks();
  }
  await Promise.all(said);
  expect(beforeTheTurn).toBe(3_000);
  await nexus.close();
});

it('works off what has piled up in one batch a turn', async () => {
  const { nexus } = createBus();
  await nexus.start();
  await growBatches(nexus);
  const counted = countTurns();
  const turnOf: number[] = [];
  nexus.on('commit', ({ events }) => {
    if (events.length === 1_000) turnOf.push(counted.turns);
  });
  await Promise.all(say(nexus, 5_000));
  counted.end();
  expect(turnOf).toEqual([0, 1, 2, 3, 4]);
  await nexus.close();
});

it.each([
  { came: 1_000, committed: 2_000 },
  { came: 10, committed: 1_000 },
])(
  'commits as much as comes while something has piled up, so that it does not stay: $came',
  async ({ came, committed }) => {
    const { nexus } = createBus();
    await nexus.start();
    await growBatches(nexus);
    let turned = false;
    let beforeTheTurn = 0;
    setImmediate(() => (turned = true));
    nexus.on('commit', ({ events }) => {
      if (!turned) beforeTheTurn += events.length;
    });
    const said: Promise<unknown>[] = [];
    for (const wave of [5_000, came]) {
      said.push(...say(nexus, wave));
      await ticks();
    }
    await Promise.all(said);
    expect(beforeTheTurn).toBe(committed);
    await nexus.close();
  },
);

it('leaves the event loop its turns, however quickly the next dispatch follows', async () => {
  const nexus = createNexus({ storage: ':memory:', logger: false });
  await nexus.start();
  const counted = countTurns();
  for (let i = 0; i < 400; i++) await nexus.dispatch('PING', {});
  counted.end();
  expect(counted.turns).toBeGreaterThanOrEqual(90);
  await nexus.close();
});
