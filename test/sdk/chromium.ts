/** A page of a browser for a test. */
import type { Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { launchChromium } from '../support/chromium.js';

/** An empty page; what it says is wrong fails the test's next `errors` look. */
export async function openPage(): Promise<{ readonly page: Page; readonly errors: string[] }> {
  const browser = await launchChromium();
  onTestFinished(async () => await browser.close());
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  return { page, errors };
}
