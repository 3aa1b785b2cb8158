// http_load.mjs: pages while passwords are hashed without pause, and the end of a portal
// that is at work: what was asked is answered. Ratios of one run, no absolute times.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { startInstallation, demoPassword } from '../lib/installation.mjs';
import { signIn, messageIds } from '../lib/road.mjs';
import { quantile, startReader } from '../lib/reader.mjs';
import { smtpConnect, compose } from '../lib/smtp.mjs';
import { sleep, until } from '../lib/process.mjs';
import { forms, request, Visitor } from '../lib/web.mjs';
import { Wire, portalOf } from '../lib/wire.mjs';

const host = 'acme.localhost';
// Three is the promise; beside other tests on the same cores there is room for them.
const most = Number(process.env.MOST) || 6;
const people = Array.from({ length: 8 }, (_, i) => `signer${i}@acme.example`);
let inst;
let reader;

before(async () => {
  inst = await startInstallation();
  for (const address of people) {
    const { status, stderr } = await inst.ctl('member', 'add', '--tenant', 'acme', '--address', address,
      '--name', 'A signer', '--password-env', 'DEMO_PASSWORD');
    assert.equal(status, 0, stderr);
  }
  const session = await smtpConnect(inst, { auth: 'alice@acme.example' });
  const to = 'admin@acme.example';
  const body = `${'x'.repeat(70)}\r\n`.repeat(20000);
  await session.mail({ from: 'alice@acme.example', to, data: compose({ from: 'alice@acme.example', to, subject: 'Figures', body }) });
  session.close();
  reader = await signIn(inst, host, to);
});
after(async () => { await inst?.stop(); });

/**
 * Eight clients who sign in again and again, each with an account of his own, at most `each`
 * times: keyd counts tries. Gives { signed, stop() }.
 */
function signers(each) {
  let going = true;
  const made = { signed: 0, others: [] };
  const one = async (address) => {
    const visitor = new Visitor(inst, host);
    await visitor.go('/login');
    const form = forms(visitor.page.text).find(({ text }) => /name="password"/.test(text));
    const body = new URLSearchParams({ ...form.fields, address, password: demoPassword }).toString();
    // Signed out every time: the cookies of the first page, never those of a session.
    const cookie = [...visitor.cookies].map((pair) => pair.join('=')).join('; ');
    for (let i = 0; i < each && going; i++) {
      const page = await request(inst, host, form.action || '/login', { method: 'POST', body,
        headers: { ...(cookie ? { cookie } : {}), 'content-type': 'application/x-www-form-urlencoded', origin: inst.url(host, '').replace(/\/$/, ''), 'sec-fetch-site': 'same-origin' } });
      if (page.status === 303) made.signed += 1;
      else made.others.push(page.status);
    }
  };
  const all = Promise.all(people.map(one));
  return { made, async stop() { going = false; await all; return made; } };
}

test('eight clients sign in without pause: a page waits little longer', { timeout: 300000 }, async () => {
  const reading = startReader(inst, reader, { paths: ['/inbox'], every: 20 });
  try {
    await sleep(1500);
    const ratios = [];
    const told = [];
    // Quiet and loaded windows by turns; the middle ratio counts.
    for (let round = 0; round < 3; round++) {
      const quiet = await reading.window(2500);
      const load = signers(6);
      await until(() => load.made.signed > 0, { timeout: 60000, what: 'somebody has signed in' });
      const loaded = await reading.window(2500);
      const { signed, others } = await load.stop();
      assert.deepEqual(others, []);
      assert.equal(quiet.failed + loaded.failed, 0, JSON.stringify({ quiet, loaded }));
      ratios.push(loaded.p95 / quiet.p95);
      told.push(`p95 ${quiet.p95.toFixed(1)} ms quiet, ${loaded.p95.toFixed(1)} ms beside ${signed} sign-ins`);
      await sleep(500);
    }
    console.log(`${told.join('; ')}; ratio ${quantile(ratios, 0.5).toFixed(2)} (goal 2, at most ${most})`);
    assert.ok(quantile(ratios, 0.5) <= most, told.join('; '));
  } finally {
    reading.stop();
  }
});

test('SIGTERM while a hundred requests run: all are answered, whole', { timeout: 120000 }, async () => {
  const cookie = [...reader.cookies].map((pair) => pair.join('=')).join('; ');
  const id = await until(async () => messageIds((await reader.go('/inbox')).text)[0], { what: 'the message' });
  const whole = (await reader.go(`/message/${id}/raw`)).body.length;
  assert.ok(whole > 1e6, String(whole));
  const head = (first, ...more) => `${[first, `Host: ${host}`, `Cookie: ${cookie}`, ...more].join('\r\n')}\r\n\r\n`;
  const form = new URLSearchParams({ address: people[0], password: demoPassword }).toString();
  const kinds = [
    { bytes: head('GET /inbox HTTP/1.1') },
    { bytes: head(`GET /message/${id} HTTP/1.1`) },
    { bytes: head(`GET /message/${id}/raw HTTP/1.1`), length: whole },
    // A form that comes slowly: it has begun, and ends after the signal.
    { bytes: head('POST /login HTTP/1.1', 'Content-Type: application/x-www-form-urlencoded', `Content-Length: ${form.length}`) + form.slice(0, 9), rest: form.slice(9) },
    { bytes: head('GET /healthz HTTP/1.1') },
  ];
  const running = await Promise.all(Array.from({ length: 100 }, async (_, i) => ({ ...kinds[i % kinds.length], wire: await Wire.open(portalOf(inst)) })));
  const pid = await inst.pid('portal');
  for (const { wire, bytes } of running) wire.send(bytes);
  // Every request has reached the portal when the first of them is answered.
  await Promise.race(running.map(({ wire }) => wire.wait(() => wire.bytes.length > 0 || undefined, 10000)));
  await sleep(20);
  process.kill(pid, 'SIGTERM');
  await sleep(100);
  for (const { wire, rest } of running) if (rest) wire.send(rest);
  const results = await Promise.all(running.map(async ({ wire, bytes, length }) => {
    const answer = await wire.answer({ timeout: 60000 });
    const what = bytes.split('\r\n')[0];
    if (!answer) return `${what}: no answer${wire.error ? `, ${wire.error.message}` : ''}`;
    if (length !== undefined && answer.body.length !== length) return `${what}: ${answer.body.length} bytes of ${length}`;
    return answer.status < 500 ? undefined : `${what}: ${answer.status}`;
  }));
  assert.deepEqual(results.filter(Boolean), []);
  for (const { wire } of running) wire.close();
  await inst.back('portal', pid, { timeout: 60000 });
  await until(async () => (await request(inst, host, '/healthz')).status === 200, { timeout: 30000 });
});
