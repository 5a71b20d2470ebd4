/** If tokens were minted, tell the one who has the wallet. */
import { defineReactor, type protocolEvents } from '@neo-protocol/nexus';
import type { Services } from '../services.js';

export default ({ contacts }: Pick<Services, 'contacts'>) =>
  defineReactor<typeof protocolEvents>()({
    on: 'MINT_CONFIRMED',
    name: 'tell-about-mint',
    handler: (mint, ctx) => {
      const to = mint.recipient === undefined ? undefined : contacts.phoneOf(mint.recipient);
      if (to === undefined) {
        ctx.log.info({ eventId: ctx.event.id }, 'minted for nobody that is known here');
        return;
      }
      ctx.dispatch('NOTIFICATION_DISPATCH', {
        channel: 'whatsapp',
        to,
        message: `${mint.amount ?? 'Your'} tokens are in your wallet.`,
      });
    },
  });
