import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

describe('the demo', () => {
  it('shows a payment that becomes a mint and a message, with a retry on the way, and exits 0', async () => {
    // Rejects on any other exit code.
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', main], {
      timeout: 30_000,
    });
    expect(stdout).toMatch(/stored PAYMENT_RECEIVED as seq 1, from flowpay/);
    expect(stdout).toMatch(
      /mint-on-payment failed at seq \d+: attempt 1, retry in \d+ ms \(the Smart Factory answered 503\)/,
    );
    expect(stdout).toMatch(/mint-on-payment done with seq \d+: attempt 2/);
    expect(stdout).toMatch(/posted order-1004 \(pending\): 200 ignored/);
    expect(stdout).toMatch(/posted order-1001 \(completed\): 200 duplicate/);
    expect(stdout).toMatch(/stored MINT_CONFIRMED as seq \d+, from factory/);
    expect(stdout).toMatch(/3 payments, 3 mints, 3 messages, [1-9]\d* retries/);
  }, 40_000);
});
