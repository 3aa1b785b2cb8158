// upload.mjs: a large file on its whole road: up in a real browser, through a killed
// portal, sent, and down again in two pieces, while the portal's memory is watched.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import fs from 'node:fs/promises';
import https from 'node:https';
import path from 'node:path';
import { demoPassword, startInstallation } from './installation.mjs';
import { launchBrowser, newPerson } from './browser.mjs';
import { descendants, sleep, until } from './process.mjs';
import { messageIds, pickUp } from './road.mjs';

export const MIB = 1024 * 1024;

/** A file of that many MiB at `where`; gives its SHA-256. */
export async function makeFile(where, mib) {
  const hash = createHash('sha256');
  const out = createWriteStream(where);
  for (let i = 0; i < mib; i += 1) {
    const part = randomBytes(MIB);
    hash.update(part);
    if (!out.write(part)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
  return hash.digest('hex');
}

async function anonymous(pid) {
  const text = await fs.readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(text.match(/^RssAnon:\s+(\d+) kB/m)?.[1] ?? 0) / 1024;
}

/** Memory of the portal's processes in MiB: the largest of them, from watch() to stop(). */
export class Memory {
  constructor(inst) {
    Object.assign(this, { inst, most: 0, on: true });
  }

  async now() {
    const pid = await this.inst.pid('portal');
    if (!pid) return 0; // it is just being written
    const all = await Promise.all([pid, ...await descendants(pid)].map(anonymous));
    return Math.max(...all);
  }

  watch() {
    this.watching = (async () => {
      for (; this.on; await sleep(100)) this.most = Math.max(this.most, await this.now().catch(() => 0));
    })();
    return this;
  }

  async stop() {
    this.on = false;
    await this.watching;
    return this.most;
  }
}

/** The bytes of a GET go into `hash`; gives { status, headers, n }. */
export function fetchInto(visitor, where, headers, hash) {
  const { inst, host } = visitor;
  const cookie = [...visitor.cookies].map((pair) => pair.join('=')).join('; ');
  return new Promise((resolve, reject) => {
    https.request({ host: inst.host, port: inst.ports.HTTPS_PORT, servername: host, ca: inst.ca, agent: false,
      path: where, headers: { host: `${host}:${inst.ports.HTTPS_PORT}`, cookie, ...headers } }, (response) => {
      let n = 0;
      response.on('data', (part) => {
        hash.update(part);
        n += part.length;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, n }));
    }).on('error', reject).end();
  });
}

const press = (page, name) => Promise.all([
  page.waitForNavigation(), page.getByRole('button', { name }).first().click()]);

/** Alice signs in. */
export async function signInThere(inst, page) {
  await page.goto(inst.url('acme.localhost', '/login'));
  await page.fill('input[name=address]', 'alice@acme.example');
  await page.fill('input[name=password]', demoPassword);
  await press(page, /sign in/i);
}

/** Alice, signed in, at a letter to Carol. */
export async function atLetter(inst, browser) {
  const person = await newPerson(browser);
  const page = await person.newPage();
  await signInThere(inst, page);
  await page.goto(inst.url('acme.localhost', '/compose'));
  await page.fill('#to', 'carol@partner.example');
  await page.fill('#subject', 'The film');
  await page.fill('#body', 'Here it is.');
  return page;
}

/** Slow enough that there is a middle to kill the portal in. */
export async function slow(page, bytes) {
  const network = await page.context().newCDPSession(page);
  const set = (rate) => network.send('Network.emulateNetworkConditions',
    { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: rate });
  await network.send('Network.enable');
  await set(bytes);
  return () => set(-1);
}

async function goUp(inst, page, file) {
  const asked = [];
  page.on('request', (request) => {
    if (new URL(request.url()).pathname.startsWith('/upload')) {
      asked.push([request.method(), Number(request.headers()['upload-offset'] ?? -1)]);
    }
  });
  const release = await slow(page, 24 * MIB);
  await page.setInputFiles('#files', file);
  const bar = page.locator('#uploads progress');
  const values = [];
  await until(async () => {
    const value = await bar.evaluate((node) => node.value);
    if (value !== values.at(-1)) values.push(value);
    return value > 0.4;
  }, { timeout: 600000, every: 20 });
  assert.ok(values.length >= 3, 'progress is seen to grow');
  assert.deepEqual(values, [...values].sort((a, b) => a - b));
  const before = await inst.kill('portal');
  const killed = asked.length;
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.waitForSelector('#upload-wait:not([hidden])');
  await inst.back('portal', before, { timeout: 60000 });
  await release();
  await page.waitForURL(/\/track\?note=sent/, { timeout: 3600000 });
  const after = asked.slice(killed);
  assert.ok(after.some(([method]) => method === 'HEAD'), 'it asked where it stands');
  assert.ok(after.filter(([method]) => method === 'PATCH').every(([, at]) => at > 0), 'and went on from there');
  assert.equal(asked.filter(([method]) => method === 'POST').length, 1);
}

export async function comeDown(inst, size) {
  const notice = await inst.catcher.wait({ to: 'carol@partner.example', text: /\/m\// });
  const { visitor, page } = await pickUp(inst, 'acme.localhost', 'carol@partner.example', notice);
  assert.ok(messageIds(page.text).length || page.status === 200);
  const where = page.text.match(/\/message\/[0-9a-f-]+\/part\/\d+/)[0];
  const hash = createHash('sha256');
  const half = Math.floor(size / 2) + 1;
  const first = await fetchInto(visitor, where, { range: `bytes=0-${half - 1}` }, hash);
  assert.equal(first.status, 206);
  assert.equal(first.headers['content-range'], `bytes 0-${half - 1}/${size}`);
  const rest = await fetchInto(visitor, where, { range: `bytes=${half}-`, 'if-range': first.headers.etag }, hash);
  assert.equal(rest.status, 206);
  assert.equal(first.n + rest.n, size);
  return hash.digest('hex');
}

/** The whole road for a file of `mib` MiB. */
export async function uploadRoad(mib, dir) {
  const inst = await startInstallation();
  const browser = await launchBrowser();
  try {
    const file = path.join(dir, 'film.mp4');
    const digest = await makeFile(file, mib);
    const page = await atLetter(inst, browser);
    const idle = await new Memory(inst).now();
    let memory = new Memory(inst).watch();
    const began = Date.now();
    await goUp(inst, page, file);
    const up = (Date.now() - began) / 1000;
    const upMost = await memory.stop();
    if (process.env.LOOK) await page.screenshot({ path: path.join(process.env.LOOK, 'upload-sent.png') });
    memory = new Memory(inst).watch();
    const from = Date.now();
    assert.equal(await comeDown(inst, mib * MIB), digest, 'the bytes are the same');
    const down = (Date.now() - from) / 1000;
    const downMost = await memory.stop();
    console.log(`${mib} MiB: up ${up.toFixed(1)} s, down ${down.toFixed(1)} s; memory idle ${idle.toFixed(0)}, `
      + `up ${upMost.toFixed(0)}, down ${downMost.toFixed(0)} MiB`);
    assert.ok(upMost - idle < 64, `up: ${upMost} of ${idle} MiB`);
    assert.ok(downMost - idle < 64, `down: ${downMost} of ${idle} MiB`);
  } finally {
    await browser.close();
    await inst.stop();
  }
}
