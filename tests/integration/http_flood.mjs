// http_flood.mjs: one address floods, a signed-in reader at another goes on: no request of
// his fails, and he waits about as long as before. The short form; tests/fault/flood.mjs
// has the thousands. Quiet, flood and quiet are measured in one run, and only their ratio
// counts, with room for a busy machine. Controls: the same flood shuts its own address out.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { startInstallation } from '../lib/installation.mjs';
import { signIn } from '../lib/road.mjs';
import { bareConnections, halfHandshakes, requests, slow, slowModes, steadyReader, strangersBodies } from '../lib/floods.mjs';
import { sleep, until } from '../lib/process.mjs';
import { request } from '../lib/web.mjs';
import { Wire, portalOf } from '../lib/wire.mjs';

const PATIENCE = 8; // times the quiet median, on a machine that others use too
const SETTLED = 2000;
const cookieOf = ({ cookies }) => [...cookies].map((pair) => pair.join('=')).join('; ');
let inst;
let reader;
let asset;
let settled; // the quiet after the last flood, which is that before the next

before(async () => {
  inst = await startInstallation();
  ({ reader, asset } = await steadyReader(inst));
  await sleep(1000);
});
after(async () => {
  reader?.stop();
  await inst?.stop();
});

/** Quiet, flood, quiet: the reader failed never and waited not much longer. */
async function beside(flood, patience = PATIENCE) {
  const quiet = [settled ?? await reader.window(SETTLED)];
  const during = await flood();
  await sleep(SETTLED);
  settled = await reader.window(SETTLED);
  quiet.push(settled);
  const told = JSON.stringify({ quiet, during }, (key, value) => (typeof value === 'number' ? Math.round(value * 10) / 10 : value));
  assert.ok(during.n >= 20, told);
  for (const window of [...quiet, during]) assert.equal(window.failed, 0, told);
  assert.ok(during.p50 <= patience * Math.max(...quiet.map(({ p50 }) => p50)), told);
}

for (const mode of Object.keys(slowModes)) {
  test(`400 slow clients: ${mode}`, () => beside(async () => {
    const done = slow(inst, mode, { connections: 400, rate: 200, seconds: 7, path: mode === 'slow bodies' ? '/login' : asset });
    await sleep(2500);
    const during = await reader.window(4000);
    const counts = await done;
    assert.ok(counts.began, `slowhttptest did not begin: ${counts.text}`);
    return during;
  }));
}

test('connections past the limit of one address are closed at once; others get in', () => beside(async () => {
  const flood = await bareConnections(inst, { count: 1500 });
  try {
    const during = await reader.window(3000);
    assert.ok(flood.refused > 0, 'none of 1,500 connections was refused');
    const wire = await Wire.open(portalOf(inst));
    assert.equal((await wire.send('GET /healthz HTTP/1.1\r\nHost: acme.localhost\r\n\r\n').answer())?.status, 200);
    wire.close();
    // The control: whoever floods is shut out himself.
    const own = await Wire.open({ ...portalOf(inst), from: '127.0.0.1' }).catch(() => undefined);
    const got = await own?.send('GET /healthz HTTP/1.1\r\nHost: acme.localhost\r\n\r\n').answer({ timeout: 2000 });
    own?.close();
    assert.notEqual(got?.status, 200, 'the address that floods is served as if nothing were');
    return during;
  } finally {
    flood.end();
  }
}));

test('half handshakes without an end', () => beside(async () => {
  const flood = halfHandshakes(inst);
  await sleep(500);
  const during = await reader.window(3000);
  await flood.stop();
  assert.ok(flood.begun > 50, String(flood.begun));
  return during;
}));

test('requests without an end: 429 or 503 for whoever sends them', () => beside(async () => {
  const flood = requests(inst, { cookie: cookieOf(await signIn(inst, 'acme.localhost', 'alice@acme.example')), path: '/inbox' });
  await until(() => flood.statuses.size > 0, { what: 'the flood has begun' });
  const during = await reader.window(3000);
  const statuses = await flood.stop();
  assert.ok((statuses[429] ?? 0) + (statuses[503] ?? 0) > 0, JSON.stringify(statuses));
  return during;
  // Who floods takes a processor of this machine, too.
}, 40));

test('large bodies of strangers: refused before they are read', () => beside(async () => {
  const flood = await strangersBodies(inst, { count: 100, length: 4 << 20, path: '/compose' });
  const during = await reader.window(2000);
  assert.deepEqual(flood.end(), { 413: 100 });
  return during;
}));

test('large bodies with a cookie that may be good: some at a time, the others are refused', () => beside(async () => {
  const [[name, value]] = [...(await signIn(inst, 'acme.localhost', 'alice@acme.example')).cookies];
  const cookie = `${name}=${'0'.repeat(value.length)}`;
  const flood = await strangersBodies(inst, { count: 100, length: 4 << 20, path: '/compose', cookie });
  const during = await reader.window(3000);
  const statuses = flood.end();
  assert.ok(statuses[429] > 0 && statuses[429] < 100, JSON.stringify(statuses));
  return during;
}));

test('afterwards the address that flooded is served again', async () => {
  await until(async () => (await request(inst, 'acme.localhost', '/healthz')).status === 200,
    { timeout: 60000, what: 'an answer for the address that flooded' });
});
