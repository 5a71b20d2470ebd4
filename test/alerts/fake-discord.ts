/** A Discord of its own for a test. */
import { onTestFinished } from 'vitest';
import { startDiscord, type FakeDiscord } from '../../proof/fake-discord.js';

export { counted, whatIsWrong } from '../../proof/fake-discord.js';

export async function fakeDiscord(): Promise<FakeDiscord> {
  const discord = await startDiscord();
  onTestFinished(() => discord.close());
  return discord;
}
