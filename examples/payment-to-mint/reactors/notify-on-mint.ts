/** If tokens were minted, tell the one who paid for them. */
import { defineReactor, type protocolEvents } from '@neo-protocol/nexus';

export type SendMessage = (message: { to: string; text: string; reference: string }) => Promise<void>;

export const notifyOnMint = (send: SendMessage) =>
  defineReactor<typeof protocolEvents>()({
    on: 'MINT_CONFIRMED',
    name: 'notify-on-mint',
    handler: async (mint, ctx) => {
      if (mint.recipient === undefined) {
        ctx.log.info({ eventId: ctx.event.id }, 'minted for nobody in particular: no message');
        return;
      }
      await send({
        to: mint.recipient,
        text: `Your payment ${mint.orderId ?? ''} arrived: ${mint.amount ?? 'your'} tokens are yours (${mint.txHash ?? 'on chain'}).`,
        // The same for every run of this handler, so that the gateway can leave out a repetition.
        reference: ctx.event.id,
      });
    },
  });
