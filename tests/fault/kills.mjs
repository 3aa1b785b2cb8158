// kills.mjs: the long form of the kills under load: KILLS (200) kills of random processes
// at random moments while SENDERS (8) clients send and repeat; what was acknowledged is
// there once. Ends by itself; a KILLS of 20 takes about a minute.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { startInstallation } from '../lib/installation.mjs';
import { startLoad, lostOrDoubled } from '../lib/load.mjs';
import { sleep, until } from '../lib/process.mjs';
import { request } from '../lib/web.mjs';

const kills = Number(process.env.KILLS) || 200;
const senders = Number(process.env.SENDERS) || 8;
const victims = ['intake', 'portal', 'courier', 'keyd', 'postgres'];
let inst;

before(async () => { inst = await startInstallation(); });
after(() => inst?.stop());

test(`${kills} kills under load: nothing acknowledged is lost or doubled`, { timeout: 3600e3 }, async () => {
  const load = startLoad(inst, { senders });
  for (let i = 0; i < kills; i++) {
    await sleep(200 + Math.random() * 2000);
    const service = victims[Math.floor(Math.random() * victims.length)];
    const pid = await inst.kill(service).catch(() => 0);
    await inst.back(service, pid, { timeout: 60000 });
  }
  const seen = load.taken;
  await until(() => load.taken > seen + 10, { timeout: 60000, what: 'mail is taken after the last kill' });
  const { taken, errors } = await load.stop();
  assert.deepEqual(errors, []);
  await until(async () => (await request(inst, 'acme.localhost', '/readyz')).status === 200, { timeout: 60000 });
  const { lost, doubled } = await lostOrDoubled(inst, taken);
  assert.deepEqual({ lost, doubled }, { lost: [], doubled: [] });
  console.log(`${taken.length} acknowledged`);
});
