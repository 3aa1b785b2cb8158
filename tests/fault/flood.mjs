// flood.mjs: the long form of the slow floods: slowhttptest in its four modes with CLIENTS
// (4000) connections from one loopback address for SECONDS (30), while a signed-in reader
// at another address reads his inbox and a message: no failed request, and a p99 within
// twice the quiet one of the same run, in the middle one of ROUNDS (3) rounds.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { startInstallation } from '../lib/installation.mjs';
import { quantile } from '../lib/reader.mjs';
import { slow, slowModes, steadyReader } from '../lib/floods.mjs';
import { sleep } from '../lib/process.mjs';

const clients = Number(process.env.CLIENTS) || 4000;
const seconds = Number(process.env.SECONDS) || 30;
const rounds = Number(process.env.ROUNDS) || 3;
let inst;
let reader;
let asset;

before(async () => {
  inst = await startInstallation();
  ({ reader, asset } = await steadyReader(inst, { messages: 10, every: 25 }));
  await sleep(2000);
});
after(async () => {
  reader?.stop();
  await inst?.stop();
});

/** Quiet, flood, quiet: { ratio of the p99s, text }; no request fails in any of them. */
async function round(mode) {
  const quiet = [await reader.window(seconds * 500)];
  const done = slow(inst, mode, { connections: clients, rate: Math.ceil(clients / 10), seconds, path: mode === 'slow bodies' ? '/login' : asset });
  // From its first connection to its last second.
  const during = await reader.window(seconds * 1000 - 1000);
  const counts = await done;
  await sleep(3000);
  quiet.push(await reader.window(seconds * 500));
  const told = [quiet[0], during, quiet[1]].map(({ n, failed, p50, p95, p99, max }) =>
    `n ${n} failed ${failed} p50 ${p50.toFixed(1)} p95 ${p95.toFixed(1)} p99 ${p99.toFixed(1)} max ${max.toFixed(1)}`);
  const ratio = during.p99 / Math.max(...quiet.map(({ p99 }) => p99));
  const text = `${mode}: quiet | flood | quiet, ms: ${told.join(' | ')}; p99 ratio ${ratio.toFixed(2)}; ` +
    `slowhttptest: connected ${counts.connected} closed ${counts.closed} error ${counts.error} ${during.why}`;
  console.log(text);
  assert.ok(counts.began, counts.text);
  for (const window of [...quiet, during]) assert.equal(window.failed, 0, text);
  return { ratio, text };
}

for (const mode of Object.keys(slowModes)) {
  test(`${clients} slow clients for ${seconds} s: ${mode}`, { timeout: 1200e3 }, async () => {
    const all = [];
    for (let i = 0; i < rounds; i++) all.push(await round(mode));
    const middle = quantile(all.map(({ ratio }) => ratio), 0.5);
    console.log(`${mode}: p99 ratio, the middle of ${rounds}: ${middle.toFixed(2)}`);
    assert.ok(middle <= 2, all.map(({ text }) => text).join('\n'));
  });
}
