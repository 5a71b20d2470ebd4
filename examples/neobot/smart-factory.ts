/** The Smart Factory, as Neobot asks it for tokens. */
import { demandSuccess } from './answers.js';

export type SmartFactory = {
  /** The factory mints once for each reference. */
  mint(order: Mint, signal: AbortSignal): Promise<void>;
};
export type Mint = { readonly targetAddress: string; readonly amount: string; readonly reference: string };

export function createSmartFactory({ url, apiKey }: { url: string; apiKey: string }): SmartFactory {
  return {
    mint: async ({ targetAddress, amount, reference }, signal) => {
      const response = await fetch(`${url}/api/mint`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ targetAddress, amount, reason: 'purchase', refTransactionId: reference }),
        signal,
      });
      await demandSuccess(response, 'the Smart Factory');
    },
  };
}
