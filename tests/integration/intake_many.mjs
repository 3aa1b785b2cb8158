// intake_many.mjs: intake with much to hold: messages past the memory for them, its end in the
// middle of messages, several of it for one installation, as many sessions as it takes.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { freePorts, listening, startInstallation } from '../lib/installation.mjs';
import { compose, smtpConnect } from '../lib/smtp.mjs';
import { alive, must, sleep, top, until } from '../lib/process.mjs';

const memory = 16; // MiB of mail on its way
const room = Math.floor((memory * 1024) / 192); // messages at once, by what one counts
const alice = 'alice@acme.example';
const outside = 'out@partner.example';

let inst;
before(async () => { inst = await startInstallation({ env: { RESTANTE_MAIL_MEMORY: String(memory) } }); });
after(() => inst?.stop());

const stored = async () => Number((await inst.rows('SELECT count(*) FROM message'))[0][0]);

async function metric(name) {
  const [response] = await once(http.get({ host: '127.0.0.1', port: inst.ports.INTAKE_METRICS_PORT, path: '/metrics', agent: false }), 'response');
  let text = '';
  for await (const part of response) text += part;
  return Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.slice(name.length + 1));
}

/** As far as the answer to DATA; the reply. */
async function toData(session) {
  for (const command of [`MAIL FROM:<${outside}>`, `RCPT TO:<${alice}>`]) {
    const reply = await session.command(command);
    assert.equal(reply.code, 250, reply.text);
  }
  return session.command('DATA');
}

const opened = (count, options) => Promise.all(Array.from({ length: count }, () => smtpConnect(inst, { secure: 'none', ...options })));

test(`200 messages at once where ${room} have room: the others are told 452, and all is well afterwards`, async () => {
  const sessions = await opened(200);
  const count = await stored();
  const away = await metric('restante_turned_away_total{reason="memory"}');
  const before = await metric('process_resident_memory_bytes');
  const replies = await Promise.all(sessions.map(toData));
  const taken = sessions.filter((_, i) => replies[i].code === 354);
  const refused = replies.filter(({ code }) => code !== 354);
  for (const { text } of refused) assert.match(text, /^452 4\.3\.1 /);
  assert.ok(taken.length <= room && taken.length >= room - 5, `${taken.length} of ${room}`);
  assert.equal(await metric('restante_turned_away_total{reason="memory"}') - away, refused.length);
  // Each sends more than a chunk: what is held of it stays what was counted.
  const head = compose({ from: outside, to: alice, subject: 'half' });
  await Promise.all(taken.map((session, i) => new Promise((done) => {
    session.socket.write(`${head}${`line ${i} ${'x'.repeat(60)}\r\n`.repeat(5000)}`, done);
  })));
  await sleep(1500);
  const grown = (await metric('process_resident_memory_bytes') - before) / 1048576;
  assert.ok(grown < memory * 2, `${grown.toFixed(0)} MiB for ${memory}`);
  assert.ok(await metric('restante_mail_memory_bytes') >= taken.length * 192 * 1024);
  // The refused ones come again as soon as there is room, in the same session.
  for (const session of taken) session.send('.\r\n');
  for (const session of taken) assert.equal((await session.reply(120000)).code, 250);
  for (const session of sessions.filter((s) => !taken.includes(s))) {
    assert.equal((await session.command('RSET')).code, 250);
    assert.equal((await toData(session)).code, 354);
    assert.equal((await session.data(compose({ from: outside, to: alice, subject: 'again' }))).code, 250);
  }
  assert.equal(await stored() - count, 200);
  await Promise.all(sessions.map((session) => session.quit()));
  await until(async () => (await metric('restante_mail_memory_bytes')) === 0, { what: 'the memory is given back' });
});

test('SIGTERM in the middle of 50 messages: each is brought to its end and kept; nobody else is let in', async () => {
  const sessions = await opened(50);
  const idle = await opened(20);
  const count = await stored();
  for (const session of sessions) assert.equal((await toData(session)).code, 354);
  for (const session of sessions) session.send(`${compose({ from: outside, to: alice, subject: 'at the end' })}half\r\n`);
  const pid = await inst.kill('intake', 'SIGTERM');
  for (const session of idle) assert.equal((await session.reply()).code, 421);
  await until(async () => !(await listening(inst.ports.SMTP_PORT)), { what: 'the door is shut' });
  assert.ok(await alive(pid));
  for (const [i, session] of sessions.entries()) {
    session.send('the rest\r\n.\r\n');
    if (i % 10 === 0) await sleep(200);
  }
  for (const session of sessions) {
    assert.equal((await session.reply()).code, 250);
    assert.equal((await session.reply()).code, 421);
  }
  await until(async () => !(await alive(pid)), { timeout: 10000, what: 'the end of intake' });
  assert.equal(await stored() - count, 50);
  await inst.back('intake', pid);
  await until(() => listening(inst.ports.SMTP_PORT));
  for (const session of [...sessions, ...idle]) session.close();
});

/** Another intake of the installation, by the same settings. */
async function another() {
  const [smtp, smtps, metrics] = await freePorts(3);
  const conf = path.join(inst.state, 'conf', `intake-${smtp}.conf`);
  const text = (await fs.readFile(path.join(inst.state, 'conf/intake.conf'), 'utf8'))
    .replaceAll(String(inst.ports.SMTPS_PORT), String(smtps)).replaceAll(String(inst.ports.SMTP_PORT), String(smtp))
    .replaceAll(String(inst.ports.INTAKE_METRICS_PORT), String(metrics)).replace('intake.pid', `intake-${smtp}.pid`);
  await fs.writeFile(conf, text);
  const { RESTANTE_DB, RESTANTE_KEYD, ...env } = inst.environment;
  const child = spawn('setsid', ['-w', path.join(inst.bin, 'restante'), 'intake', conf], { stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env, G_SLICE: 'always-malloc', RESTANTE_HOSTNAME: 'second.restante.localhost',
      RESTANTE_TLS_DIR: path.join(inst.state, 'tls/hosts'),
      RESTANTE_DB: RESTANTE_DB.replace('restante_ctl', 'restante_intake').replace('application_name=ctl', 'application_name=intake'),
      RESTANTE_KEYD: RESTANTE_KEYD.replace(/ctl$/, 'intake') } });
  let said = '';
  child.stderr.on('data', (data) => { said += data; });
  const over = once(child, 'close');
  const pidfile = path.join(inst.state, 'run', `intake-${smtp}.pid`);
  await until(() => listening(smtp), { what: 'the second intake' }).catch((error) => { throw new Error(`${error.message}\n${said}`); });
  const pid = Number(await fs.readFile(pidfile, 'utf8'));
  return { ...inst, host: inst.host, ca: inst.ca, ports: { ...inst.ports, SMTP_PORT: smtp, SMTPS_PORT: smtps }, pid,
    async stop() { process.kill(pid, 'SIGTERM'); await over; } };
}

async function send(to, data) {
  const session = await smtpConnect(to, { secure: 'starttls' });
  const last = await session.mail({ from: outside, to: alice, data });
  await session.quit();
  return last;
}

test('two intakes of one installation: mail through both, and one message once, whichever way it comes', async () => {
  const second = await another();
  try {
    const count = await stored();
    const both = [inst, second];
    const replies = await Promise.all(Array.from({ length: 40 }, (_, i) => send(both[i % 2], compose({ from: outside, to: alice, subject: `m${i}` }))));
    for (const { code, text } of replies) assert.equal(code, 250, text);
    assert.equal(await stored() - count, 40);
    const letter = compose({ from: outside, to: alice, subject: 'twice' });
    const one = await send(inst, letter);
    const again = await send(second, letter);
    assert.equal(one.code, 250);
    assert.equal(again.text, one.text, 'the second is told the id of the first');
    const other = compose({ from: outside, to: alice, subject: 'at once' });
    const many = await Promise.all(Array.from({ length: 8 }, (_, i) => send(both[i % 2], other)));
    for (const { code, text } of many) assert.ok(code === 250 || code === 451, text);
    assert.equal(new Set(many.filter(({ code }) => code === 250).map(({ text }) => text)).size, 1);
    assert.equal(await stored() - count, 42);
  } finally {
    await second.stop();
  }
});

test('12,000 sessions; one more is told 421, and has a place when one of them ends', { timeout: 120000 }, async () => {
  const limit = 12000;
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'restante-sessions-'));
  const holder = path.join(dir, 'sessions');
  await must(process.env.CC || 'cc', ['-std=c11', '-D_GNU_SOURCE', '-O1', '-o', holder, path.join(top, 'tests/bench/lib/sessions.c'),
    '-lssl', '-lcrypto']);
  const hold = async (count) => {
    const child = spawn(holder, [String(inst.ports.SMTP_PORT), String(count)], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { said += data; });
    const over = once(child, 'close');
    await until(() => /open=/.test(said) || child.exitCode !== null, { timeout: 60000, what: `${count} sessions` });
    assert.match(said, /open=/);
    return async () => { child.stdin.end(); await over; return said; };
  };
  const before = await metric('restante_connections{door="smtp"}');
  const [many, last] = [await hold(limit - 1 - before), await hold(1)];
  try {
    assert.equal(await metric('restante_connections{door="smtp"}'), limit);
    const refused = await smtpConnect(inst, { secure: 'none', helo: null });
    assert.equal(refused.greeting.code, 421);
    await until(() => refused.closed);
    await last();
    const session = await until(async () => {
      const next = await smtpConnect(inst, { secure: 'none', helo: null });
      return next.greeting.code === 220 && next;
    }, { what: 'a place' });
    await session.command('EHLO client.example');
    assert.equal((await toData(session)).code, 354);
    assert.equal((await session.data(compose({ from: outside, to: alice, subject: 'among many' }))).code, 250);
    await session.quit();
  } finally {
    assert.match(await many(), new RegExp(`alive=${limit - 1 - before}`));
    await fs.rm(dir, { recursive: true, force: true });
  }
});
