// browser.mjs: Debian's Chromium through playwright-core.
import { chromium } from 'playwright-core';

/** A browser; close() it. Chromium itself resolves *.localhost. */
export function launchBrowser(options = {}) {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
    ...options,
  });
}

/**
 * A fresh person: own cookies. The development CA is not in Chromium's store, so
 * certificates go unchecked here; the tests of TLS check them by hand.
 */
export function newPerson(browser, options = {}) {
  return browser.newContext({
    ignoreHTTPSErrors: true, acceptDownloads: true, locale: 'en-GB', timezoneId: 'UTC', ...options,
  });
}

export const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
