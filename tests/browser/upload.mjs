// upload.mjs: a file of UPLOAD_MIB (64) goes up in a browser while the portal is killed,
// is sent by itself when it is up, and comes down whole in two pieces. Another outlives the
// session it was begun in.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { launchBrowser } from '../lib/browser.mjs';
import { startInstallation } from '../lib/installation.mjs';
import { until } from '../lib/process.mjs';
import { MIB, atLetter, comeDown, makeFile, signInThere, slow, uploadRoad } from '../lib/upload.mjs';

const mib = Number(process.env.UPLOAD_MIB) || 64;

async function withDirectory(work) {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'film-'));
  try {
    await work(dir);
  } finally {
    await fs.rm(dir, { recursive: true, force: true });
  }
}

test(`${mib} MiB up through a killed portal, and down in two pieces`, () => withDirectory((dir) => uploadRoad(mib, dir)));

test('signed out in the middle: the page stays, and goes on when she is back', () => withDirectory(async (dir) => {
  const inst = await startInstallation();
  const browser = await launchBrowser();
  try {
    const file = path.join(dir, 'plans.pdf');
    const digest = await makeFile(file, 24);
    const page = await atLetter(inst, browser);
    const asked = [];
    page.on('response', (response) => { asked.push(`${response.request().method()} ${response.status()}`); });
    const release = await slow(page, 6 * MIB);
    await page.setInputFiles('#files', file);
    await until(() => asked.includes('PATCH 204'));
    const other = await page.context().newPage();
    await other.goto(inst.url('acme.localhost', '/inbox'));
    await Promise.all([other.waitForNavigation(), other.getByRole('button', { name: 'Sign out' }).click()]);
    await page.waitForSelector('#upload-out:not([hidden])');
    assert.ok(asked.includes('PATCH 401') || asked.includes('HEAD 401'), asked.join());
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await release();
    await signInThere(inst, other);
    await page.evaluate(() => window.dispatchEvent(new Event('focus')));
    await page.waitForURL(/\/track\?note=sent/, { timeout: 60000 });
    assert.equal(asked.filter((line) => line === 'POST 201').length, 1, 'the one upload');
    assert.equal(await comeDown(inst, 24 * MIB), digest);
  } finally {
    await browser.close();
    await inst.stop();
  }
}));
