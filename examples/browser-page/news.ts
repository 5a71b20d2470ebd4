/** Something to see: what the nodes of the protocol say on a usual day, one after the other. */
import type { Nexus, protocolEvents } from '@neo-protocol/nexus';

type Bus = Pick<Nexus<typeof protocolEvents>, 'dispatch'>;

const people = ['ana', 'bruno', 'carla', 'davi', 'elis'];

/** The n-th piece of news. */
export async function sayNext(nexus: Bus, n: number): Promise<void> {
  const person = people[n % people.length] ?? 'ana';
  const order = `order-${1_000 + n}`;
  switch (n % 5) {
    case 0:
      await nexus.dispatch(
        'PAYMENT_RECEIVED',
        { orderId: order, amount: `${49 + n}.90`, payerId: person },
        { source: 'flowpay' },
      );
      break;
    case 1:
      await nexus.dispatch(
        'MINT_CONFIRMED',
        { contractAddress: '0x71c7656ec7ab88b098defb751b7401b5f6d8976f', orderId: order, recipient: person },
        { source: 'factory' },
      );
      break;
    case 2:
      await nexus.dispatch(
        'WORKOUT_COMPLETED',
        { workoutId: `w-${n}`, athleteId: person, durationMs: 1_800_000 },
        { source: 'wod' },
      );
      break;
    case 3:
      await nexus.dispatch(
        'LEAD_QUALIFIED',
        { leadId: `lead-${n}`, channel: 'whatsapp', score: 60 + (n % 40) },
        { source: 'neobot' },
      );
      break;
    default:
      await nexus.dispatch(
        'PAYMENT_FAILED',
        { orderId: order, payerId: person, reason: 'expired' },
        { source: 'flowpay' },
      );
  }
}
