/** `NEXUS_SECRET=… npx tsx examples/receiver/main.ts`: listens on port 4000. */
import { createServer } from 'node:http';
import { createReceiver } from './receiver.js';
import { openSeen } from './seen.js';

const receiver = createReceiver({
  secrets: [
    process.env.NEXUS_SECRET,
    ...(process.env.NEXUS_SECRET_OLD ? [process.env.NEXUS_SECRET_OLD] : []),
  ],
  seen: openSeen(process.env.SEEN_FILE ?? './seen-events.txt'),
  handle: (event) => {
    if (event.type === 'PAYMENT_RECEIVED')
      console.log(`paid: ${event.payload.orderId}, ${event.payload.amount}`);
    else if (event.type === 'MINT_CONFIRMED') console.log(`minted: ${event.payload.txHash ?? event.id}`);
    else console.log(`${event.type} from ${event.source}`);
  },
});

const port = Number(process.env.PORT ?? 4_000);
createServer(receiver).listen(port, () => {
  console.log(`waiting at http://localhost:${port}/api/webhook/nexus`);
});
