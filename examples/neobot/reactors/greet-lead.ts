/** If somebody wrote for the first time, say hello. */
import { defineReactor, type protocolEvents } from '@neo-protocol/nexus';

export default defineReactor<typeof protocolEvents>()({
  on: 'LEAD_QUALIFIED',
  name: 'greet-lead',
  handler: (lead, ctx) => {
    if (lead.channel !== 'whatsapp' || lead.contact === undefined) return;
    ctx.dispatch('NOTIFICATION_DISPATCH', {
      channel: 'whatsapp',
      to: lead.contact,
      message: 'Welcome! Tell me where your tokens go: wallet <address>',
    });
  },
});
