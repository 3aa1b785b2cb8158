// upload_form.mjs: what assets/upload.js does on the compose page, before a server that
// fails in every way on command: it goes on by itself, says how it stands, loses nothing.
// LOOK=<dir> keeps pictures.
import { test, before, after, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchBrowser, phone } from '../lib/browser.mjs';
import { sleep, until } from '../lib/process.mjs';

const top = fileURLToPath(new URL('../../', import.meta.url));
const MIB = 1024 * 1024;
const expires = new Date(Date.now() + 7 * 86400000).toUTCString();
let browser;
let server;
let origin;
let dir;
let context;
let page;

/** What the server does, and what it saw. */
let how;
const fresh = () => ({
  uploads: new Map(), // id -> { length, bytes, name }
  seen: [], // "PATCH 0 204"
  sent: [], // bodies of POST /compose
  refuse: [], // what the next requests to /upload get: { status, headers } or "cut"
  dead: false, // from a "cut" on: every connection is cut
  rate: Infinity, // bytes a second
  signedOut: false,
  who: 'alice@acme.example',
  edit: (html) => html,
});

async function takeBody(request, got) {
  for await (const part of request) {
    got(part);
    if (how.rate !== Infinity) await sleep(part.length * 1000 / how.rate);
  }
}

async function tus(request, response) {
  const [, , id] = request.url.split('/');
  const answer = (status, headers = {}) => {
    how.seen.push(`${request.method} ${request.headers['upload-offset'] ?? ''} ${status}`.replace('  ', ' '));
    response.writeHead(status, { 'tus-resumable': '1.0.0', ...headers }).end();
  };
  assert.equal(request.headers['tus-resumable'], '1.0.0');
  const order = how.refuse.shift();
  if (order && order !== 'cut') {
    request.resume();
    return answer(order.status, order.headers);
  }
  if (how.signedOut) {
    request.resume();
    return answer(401);
  }
  const upload = how.uploads.get(id);
  const stands = () => ({ 'upload-offset': upload.bytes.length, 'upload-length': upload.length, 'upload-expires': expires });
  if (request.method === 'POST') {
    const made = `01936f3e-7a00-7000-8000-${String(how.uploads.size).padStart(12, '0')}`;
    const name = Buffer.from(request.headers['upload-metadata'].split(',')[0].split(' ')[1], 'base64').toString();
    how.uploads.set(made, { name, length: Number(request.headers['upload-length']), bytes: Buffer.alloc(0) });
    return answer(201, { location: `/upload/${made}`, 'upload-offset': 0, 'upload-expires': expires });
  }
  if (!upload) {
    request.resume();
    return answer(404);
  }
  if (request.method === 'HEAD') return answer(200, stands());
  if (request.method === 'DELETE') {
    how.uploads.delete(id);
    return answer(204);
  }
  assert.equal(request.headers['content-type'], 'application/offset+octet-stream');
  assert.ok(Number(request.headers['content-length']) <= 8 * MIB);
  if (Number(request.headers['upload-offset']) !== upload.bytes.length) {
    request.resume();
    return answer(409);
  }
  let taken = 0;
  await takeBody(request, (part) => {
    upload.bytes = Buffer.concat([upload.bytes, part]);
    taken += part.length;
    if (order === 'cut' && taken > MIB) {
      how.seen.push('cut');
      how.dead = true;
      request.socket.destroy();
    }
  }).catch(() => {});
  if (!request.socket.destroyed) answer(204, stands());
}

async function serve(request, response) {
  if (how.dead) return request.socket.destroy();
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname.startsWith('/upload')) return tus(request, response);
  if (request.method === 'POST') {
    const parts = [];
    await takeBody(request, (part) => parts.push(part));
    how.sent.push(Buffer.concat(parts).toString('latin1'));
    return response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>s</title><h1>Sent</h1>');
  }
  if (pathname === '/compose') {
    if (how.signedOut) return response.writeHead(303, { location: '/login' }).end();
    const html = await fs.readFile(path.join(top, `tests/golden/pages/${how.page ?? 'compose'}.html`), 'utf8');
    return response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
      .end(how.edit(html).replaceAll('alice@acme.example', how.who));
  }
  const name = pathname.split('/').pop();
  const file = name === '1f4b8f.css' ? 'tests/golden/pages/brand.css' : `assets/${name}`;
  const types = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' };
  const bytes = await fs.readFile(path.join(top, file)).catch(() => undefined);
  if (!bytes) return response.writeHead(404).end();
  return response.writeHead(200, { 'content-type': types[name.split('.').pop()] }).end(bytes);
}

before(async () => {
  browser = await launchBrowser();
  dir = await fs.mkdtemp(path.join(os.tmpdir(), 'upload-'));
  server = http.createServer((request, response) => { serve(request, response).catch(() => request.destroy()); });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  origin = `http://localhost:${server.address().port}`;
});
after(async () => {
  await context?.close();
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
  if (dir) await fs.rm(dir, { recursive: true, force: true });
});

async function open(options = {}) {
  await context?.close();
  context = await browser.newContext({ viewport: { width: 1000, height: 900 }, ...options });
  page = await context.newPage();
  page.on('dialog', (dialog) => dialog.accept());
  page.on('pageerror', (error) => { how.seen.push(`error: ${error.message}`); });
  await page.goto(`${origin}/compose`);
}
beforeEach(async () => {
  how = fresh();
  await open();
});

const picture = async (name) => {
  if (process.env.LOOK) await page.screenshot({ fullPage: true, path: path.join(process.env.LOOK, `upload-${name}.png`) });
};
async function file(name, size) {
  const where = path.join(dir, name);
  await fs.writeFile(where, randomBytes(size));
  return where;
}
const row = (name) => page.locator('#uploads li', { hasText: name });
const choose = (...files) => page.setInputFiles('#files', files);
const ready = (name) => row(name).locator('small', { hasText: 'Ready to send' }).waitFor();
const ids = (body) => [...body.matchAll(/name="upload"\r\n\r\n([0-9a-f-]{36})/g)].map(([, id]) => id);
const remembered = () => page.evaluate(() => Object.keys(localStorage).length);
async function same(where) {
  const upload = [...how.uploads.values()].find(({ name }) => name === path.basename(where));
  assert.ok(upload.bytes.equals(await fs.readFile(where)), `${where} came whole`);
}
async function write() {
  await page.fill('#to', 'carol@partner.example');
  await page.fill('#body', 'The figures.');
}

test('files go up at once, and their ids alone with the letter', async () => {
  const big = await file('figures.xlsx', 9 * MIB);
  const empty = await file('empty.txt', 0);
  await write();
  await choose(big, empty);
  await ready('figures.xlsx');
  await ready('empty.txt');
  await same(big);
  assert.equal(await remembered(), 2);
  await page.click('button.btn');
  await page.waitForSelector('h1:has-text("Sent")');
  assert.equal(how.sent.length, 1);
  assert.deepEqual(ids(how.sent[0]).sort(), [...how.uploads.keys()].sort());
  assert.doesNotMatch(how.sent[0], /filename=/);
  assert.match(how.sent[0], /The figures\./);
  assert.ok(how.sent[0].length < 4000);
  // Gone there, it is forgotten here.
  how.uploads.clear();
  await page.goto(`${origin}/compose`);
  await until(async () => (await remembered()) === 0);
  assert.deepEqual(how.seen.filter((line) => line.startsWith('error')), []);
});

test('it shows how far it is, in words too, and grows', async () => {
  how.rate = 2 * MIB;
  const big = await file('film.mp4', 14 * MIB);
  await choose(big);
  const bar = row('film.mp4').locator('progress');
  const seen = new Set();
  await until(async () => {
    seen.add(await bar.evaluate((node) => node.value).catch(() => 1));
    return seen.size > 3;
  });
  const values = [...seen];
  assert.deepEqual(values, [...values].sort((a, b) => a - b), 'it only grows');
  await row('film.mp4').locator('small', { hasText: /^\d+ % · [\d.]+ [kM]B a second · .* left$/ }).waitFor();
  await picture('running');
  await ready('film.mp4');
  assert.match(await page.textContent('#upload-said'), /film\.mp4: Ready to send/);
});

test('a lost connection, and a server that is killed: on by itself where it stood', async () => {
  how.refuse = [undefined, 'cut'];
  const big = await file('plans.pdf', 9 * MIB);
  await choose(big);
  await row('plans.pdf').locator('small', { hasText: 'The connection was lost' }).waitFor();
  await picture('lost');
  how.refuse = [{ status: 502 }, undefined, { status: 423 }];
  how.dead = false;
  await ready('plans.pdf');
  await same(big);
  assert.equal(how.seen.filter((line) => line.startsWith('POST')).length, 1);
  assert.ok(how.seen.includes('cut'));
  assert.ok(how.seen.some((line) => line.startsWith('HEAD')), 'it asked where it stands');
});

test('told to come later, it does', async () => {
  how.refuse = [{ status: 503, headers: { 'retry-after': '2' } }, { status: 429, headers: { 'retry-after': '1' } }];
  const began = Date.now();
  const small = await file('a.txt', 10);
  await choose(small);
  await row('a.txt').locator('small', { hasText: 'The server is busy' }).waitFor();
  await ready('a.txt');
  assert.ok(Date.now() - began >= 3000, 'not before');
  await same(small);
});

test('a session that ended: it says so, keeps the page, and goes on after the next one', async () => {
  await write();
  const small = await file('b.txt', 100000);
  how.signedOut = true;
  await choose(small);
  await page.waitForSelector('#upload-out:not([hidden])');
  assert.match(await page.textContent('#upload-out'), /signed out/);
  await picture('signed-out');
  assert.equal(await page.inputValue('#body'), 'The figures.');
  await page.click('button.btn');
  await page.waitForSelector('#upload-wait:not([hidden])');
  assert.equal(how.sent.length, 0);
  how.signedOut = false;
  how.edit = (html) => html.replaceAll('csrf-csrf-csrf-csrf-22', 'another-token-of-forms');
  await page.evaluate(() => window.dispatchEvent(new Event('focus')));
  await page.waitForSelector('h1:has-text("Sent")');
  assert.match(how.sent[0], /another-token-of-forms/);
  assert.equal(ids(how.sent[0]).length, 1);
  await same(small);
});

test('somebody else’s session sends nothing', async () => {
  await write();
  how.who = 'admin@acme.example';
  await page.click('button.btn');
  await page.waitForSelector('#upload-other:not([hidden])');
  assert.equal(how.sent.length, 0);
  how.who = 'alice@acme.example';
  await page.evaluate(() => window.dispatchEvent(new Event('focus')));
  await page.waitForSelector('h1:has-text("Sent")');
});

test('after a reload the same file goes on; a changed one of that name begins anew', async () => {
  how.rate = 4 * MIB;
  const big = await file('model.bin', 12 * MIB);
  await choose(big);
  await until(() => how.seen.some((line) => line === 'PATCH 0 204'));
  await page.reload();
  how.rate = Infinity;
  await choose(big);
  await ready('model.bin');
  assert.equal(how.seen.filter((line) => line.startsWith('POST')).length, 1);
  assert.equal(how.seen.filter((line) => line.startsWith('PATCH 0 ')).length, 1, 'not from the beginning');
  await same(big);
  await page.reload();
  await file('model.bin', 12 * MIB);
  await choose(big);
  await ready('model.bin');
  assert.equal(how.seen.filter((line) => line.startsWith('POST')).length, 2);
});

test('an upload that is no longer there begins anew', async () => {
  const small = await file('c.txt', 5000);
  await choose(small);
  await ready('c.txt');
  how.uploads.clear();
  await page.reload();
  await choose(small);
  await ready('c.txt');
  await same(small);
});

test('cancelled, by keyboard: nothing of it stays anywhere', async () => {
  how.rate = MIB;
  await choose(await file('long.bin', 20 * MIB));
  await until(() => how.uploads.size === 1 && [...how.uploads.values()][0].bytes.length > 0);
  await page.focus('#files');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Cancel: long.bin');
  await page.keyboard.press('Enter');
  await until(() => how.uploads.size === 0);
  assert.equal(await row('long.bin').count(), 0);
  assert.equal(await remembered(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'files');
  assert.match(await page.textContent('#upload-said'), /long\.bin was removed/);
});

test('Send waits for what is on its way, unless one goes on writing', async () => {
  how.rate = 3 * MIB;
  await write();
  await choose(await file('slow.bin', 8 * MIB));
  await page.click('button.btn');
  await page.waitForSelector('#upload-wait:not([hidden])');
  await picture('wait');
  await page.click('#upload-wait button');
  assert.ok(await page.locator('#upload-wait').isHidden());
  await page.fill('#body', 'One line more.');
  await page.click('button.btn');
  await page.waitForSelector('h1:has-text("Sent")');
  assert.equal(how.sent.length, 1);
  assert.match(how.sent[0], /One line more/);
  assert.equal(ids(how.sent[0]).length, 1);
});

test('what cannot be taken says why, and holds the letter back', async () => {
  how.edit = (html) => html.replace(/data-most="\d+"/, 'data-most="1000000"');
  await page.reload();
  await write();
  how.refuse = [{ status: 409 }];
  await choose(await file('small.txt', 10), await file('huge.bin', 1000001));
  await row('huge.bin').locator('small', { hasText: 'Too big' }).waitFor();
  await row('small.txt').locator('small', { hasText: 'never sent' }).waitFor();
  await page.evaluate((until) => localStorage.setItem('restante.upload.old', JSON.stringify({ id: 'abandoned', until })), expires);
  how.uploads.set('abandoned', { name: 'old.bin', length: 5, bytes: Buffer.alloc(2) });
  await page.click('button.btn');
  await page.waitForSelector('#upload-failed:not([hidden])');
  await picture('failed');
  assert.equal(how.sent.length, 0);
  await row('small.txt').getByRole('button', { name: 'Clear it, and try again' }).click();
  await ready('small.txt');
  assert.ok(!how.uploads.has('abandoned'), 'what was never sent is cleared');
  await row('huge.bin').getByRole('button', { name: 'Remove' }).click();
  await page.click('button.btn');
  await page.waitForSelector('h1:has-text("Sent")');
  assert.equal(ids(how.sent[0]).length, 1);
});

test('twenty files, and not one more; the same file twice is one', async () => {
  const files = await Promise.all(Array.from({ length: 20 }, (_, i) => file(`n${i}.txt`, 100 + i)));
  await choose(files[0], files[0]);
  await ready('n0.txt');
  await until(async () => (await page.locator('#uploads li').count()) === 1);
  await choose(...files.slice(1), await file('last.txt', 5));
  await row('last.txt').locator('small', { hasText: 'Too many' }).waitFor();
  await until(async () => (await page.locator('[data-state=ready]').count()) === 20);
  assert.equal(how.uploads.size, 20);
});

test('dropped on the page', async () => {
  const data = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(['dropped'], 'dropped.txt', { type: 'text/plain' }));
    return transfer;
  });
  await page.dispatchEvent('body', 'dragover', { dataTransfer: data });
  assert.ok(await page.locator('#upload.over').count());
  await picture('over');
  await page.dispatchEvent('body', 'drop', { dataTransfer: data });
  await ready('dropped.txt');
  assert.equal([...how.uploads.values()][0].bytes.toString(), 'dropped');
  assert.equal(await page.locator('#upload.over').count(), 0);
});

test('a page that came back keeps its files, with a button each', async () => {
  how.page = 'compose-files';
  await page.reload();
  await picture('kept');
  const kept = '01936f3e-7a00-7000-8000-000000000001';
  how.uploads.set(kept, { name: 'figures.pdf', length: 1, bytes: Buffer.alloc(1) });
  assert.equal(await page.locator(`input[name=upload][value="${kept}"]`).count(), 1);
  await row('figures.pdf').getByRole('button', { name: 'Remove: figures.pdf' }).click();
  await until(() => how.uploads.size === 0);
  assert.equal(await page.locator('input[name=upload]').count(), 0);
});

test('on a phone, and in the dark, nothing runs off', async () => {
  how.rate = 8 * MIB;
  await open({ ...phone, colorScheme: 'dark' });
  await choose(await file('a-rather-long-name-of-a-spreadsheet-with-figures-2025.xlsx', 3 * MIB), await file('b.pdf', 20 * MIB));
  await ready('a-rather');
  await page.locator('small', { hasText: ' left' }).first().waitFor();
  await picture('phone');
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(over <= 0, `${over} px too wide`);
  for (const button of await page.locator('#uploads button:visible').all()) {
    assert.ok((await button.boundingBox()).height >= 40, 'large enough for a thumb');
  }
});
