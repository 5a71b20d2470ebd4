/** The WhatsApp gateway, as Neobot sends messages through it. */
import { demandSuccess } from './answers.js';

export type WhatsApp = {
  /** The gateway sends once for each key. */
  send(
    message: { readonly to: string; readonly text: string; readonly key: string },
    signal: AbortSignal,
  ): Promise<void>;
};

export function createWhatsApp({ url, token }: { url: string; token: string }): WhatsApp {
  return {
    send: async ({ to, text, key }, signal) => {
      const response = await fetch(`${url}/messages`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'idempotency-key': key,
        },
        body: JSON.stringify({ to, text }),
        signal,
      });
      await demandSuccess(response, 'the WhatsApp gateway');
    },
  };
}
