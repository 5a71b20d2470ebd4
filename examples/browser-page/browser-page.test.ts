import { describe, expect, it, onTestFinished } from 'vitest';
import { openPage } from '../../test/sdk/chromium.js';
import { noBrowser } from '../../test/support/chromium.js';
import { startPageHost } from './host.js';
import { sayNext } from './news.js';

describe.skipIf(noBrowser)(`the page${noBrowser === undefined ? '' : `: skipped, ${noBrowser}`}`, () => {
  it('shows events as they come, as text, and goes on after a reload where it was', async () => {
    const { url, nexus, ...host } = await startPageHost();
    onTestFinished(() => host.close());
    for (let n = 0; n < 8; n++) await sayNext(nexus, n);
    const hostile = '<img src=x onerror="document.title=1">';
    await nexus.dispatch(
      'PAYMENT_RECEIVED',
      { orderId: 'o-9', amount: '1.00', payerId: hostile },
      { source: 'flowpay' },
    );

    const { page, errors } = await openPage();
    await page.setViewportSize({ width: 1_100, height: 820 });
    await page.goto(url);
    await page.locator('#state[data-state=live]').waitFor();
    await page.waitForFunction(() => document.querySelectorAll('#events li').length === 9);
    expect(await page.locator('#state').textContent()).toBe('live over WebSocket');
    expect(await page.locator('#events li').first().textContent()).toContain(hostile.replaceAll('"', '\\"'));
    await sayNext(nexus, 10);
    await page.waitForFunction(() => document.querySelectorAll('#events li').length === 10);
    expect(await page.locator('#seen').textContent()).toBe('10');
    expect(await page.locator('#position').textContent()).toBe('10');
    expect(await page.title()).toBe('NEØ Nexus, live');
    const picture = process.env.SCREENSHOT;
    if (picture !== undefined) await page.screenshot({ path: picture });

    await page.reload();
    await page.locator('#state[data-state=live]').waitFor();
    await sayNext(nexus, 11);
    await page.waitForFunction(() => document.querySelectorAll('#events li').length === 1);
    expect(await page.locator('#events .seq').textContent()).toBe('#11');
    expect(errors).toEqual([]);
  }, 60_000);
});
