/** A Smart Factory: refuses its first calls with 503, then mints, and calls back when the tokens are on the chain. */
import { createHash, randomBytes } from 'node:crypto';
import { listen, readJson, type Running } from './server.js';
import { signedPost } from './signed-post.js';

export type SmartFactory = Running & {
  /** Orders for which tokens were minted, once each. */
  readonly minted: ReadonlyMap<string, { readonly recipient: string; readonly amount: string }>;
};

export async function startSmartFactory(options: {
  apiKey: string;
  secret: string;
  /** How many calls fail before it works. */
  failures: number;
  /** Where to call back. */
  callbackUrl: () => string;
  tell: (what: string) => void;
}): Promise<SmartFactory> {
  const { apiKey, tell } = options;
  const contractAddress = `EQ${randomBytes(16).toString('hex')}`;
  const minted = new Map<string, { recipient: string; amount: string }>();
  let failures = options.failures;

  const callBack = async (orderId: string, recipient: string, amount: string): Promise<void> => {
    const txHash = `0x${createHash('sha256').update(orderId).digest('hex')}`;
    const body = { contractAddress, status: 'confirmed', metadata: { orderId, txHash, recipient, amount } };
    const response = await signedPost(options.callbackUrl(), body, options.secret);
    tell(`${orderId} is on the chain, called back: ${response.status}`);
  };

  const running = await listen((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const mint = async (): Promise<void> => {
      if (request.method !== 'POST' || request.url !== '/api/mint') {
        answer(404, { error: 'not found' });
        return;
      }
      if (request.headers.authorization !== `Bearer ${apiKey}`) {
        answer(401, { error: 'unauthorized' });
        return;
      }
      const { refTransactionId, targetAddress, amount } = (await readJson(request)) as Record<string, string>;
      if (!refTransactionId || !targetAddress || !amount) {
        answer(400, { error: 'refTransactionId, targetAddress and amount are needed' });
        return;
      }
      if (failures > 0) {
        failures -= 1;
        tell(`${refTransactionId} refused: 503`);
        answer(503, { error: 'the chain is busy' });
        return;
      }
      answer(202, { status: 'pending', refTransactionId });
      if (minted.has(refTransactionId)) return;
      minted.set(refTransactionId, { recipient: targetAddress, amount });
      setTimeout(() => {
        callBack(refTransactionId, targetAddress, amount).catch((error: unknown) =>
          tell(`callback failed: ${String(error)}`),
        );
      }, 40);
    };
    mint().catch(() => answer(500, { error: 'failed' }));
  });
  return { ...running, minted };
}
