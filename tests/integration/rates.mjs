// rates.mjs: what a client may take of intake: limits shared by two processes, the brake on
// who asks for addresses, and what happens while the database is away.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { once } from 'node:events';
import { startInstallation, freePorts, listening } from '../lib/installation.mjs';
import { compose, smtpConnect } from '../lib/smtp.mjs';
import { sleep, until } from '../lib/process.mjs';

const alice = 'alice@acme.example';
const bob = 'bob@globex.example';
const outside = 'somebody@partner.example';
const brakeSeconds = 20;
let inst;
let second;
let braked; // a client whom nothing was told

/** Another intake process beside the installation's own, on ports of its own. */
async function startIntake() {
  const [smtp, smtps, metrics] = await freePorts(3);
  const conf = path.join(inst.state, 'conf/second.conf');
  const own = await fs.readFile(path.join(inst.state, 'conf/intake.conf'), 'utf8');
  await fs.writeFile(conf, own.replaceAll(` ${inst.ports.SMTP_PORT} `, ` ${smtp} `)
    .replaceAll(` ${inst.ports.SMTPS_PORT} `, ` ${smtps} `)
    .replaceAll(` ${inst.ports.INTAKE_METRICS_PORT} `, ` ${metrics} `)
    .replace('intake.pid', 'second.pid'));
  const env = { ...process.env, ...inst.environment, ...inst.env,
    RESTANTE_DB: inst.environment.RESTANTE_DB.replace(/restante_ctl/, 'restante_intake'),
    RESTANTE_KEYD: inst.environment.RESTANTE_KEYD.replace(/ctl$/, 'intake'),
    RESTANTE_TLS_DIR: path.join(inst.state, 'tls/hosts'), RESTANTE_HOSTNAME: 'second.localhost' };
  const log = await fs.open(path.join(inst.state, 'log/second.log'), 'a');
  const child = spawn(path.join(inst.bin, 'restante'), ['intake', conf], { env, stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  await until(() => listening(smtp), { what: 'the second intake' }).catch(async (error) => {
    throw new Error(`${error.message}: ${await fs.readFile(path.join(inst.state, 'log/second.log'), 'utf8')}`);
  });
  return { child, port: smtp };
}

before(async () => {
  inst = await startInstallation({ env: { RESTANTE_BRAKE_SECONDS: String(brakeSeconds) } });
  second = await startIntake();
});
after(async () => {
  if (second) {
    const ended = once(second.child, 'exit');
    second.child.kill('SIGTERM');
    await ended;
  }
  await inst?.stop();
});

async function change(...args) {
  const { status, stderr } = await inst.ctl(...args);
  assert.equal(status, 0, stderr);
}
/** Changes a limit, and waits until it has been read. */
async function limit(...args) {
  await change('rate', 'set', ...args);
  await sleep(4500);
}
/** The same of a tenant's own: holds when that has ended. */
const tenantLimit = (tenant, ...args) => change('tenant', 'set', '--tenant', tenant, ...args);

/** Waits for the next window of the brakes, unless of this one so many seconds are left. */
async function fresh(seconds = brakeSeconds) {
  const left = 1000 * brakeSeconds - Date.now() % (1000 * brakeSeconds);
  if (left < 1000 * seconds) await sleep(left);
}

const clear = (options) => smtpConnect(inst, { secure: 'none', ...options });

/** One message's envelope, then RSET: the reply to RCPT. */
async function offer(session, to, from = outside) {
  const mail = await session.command(`MAIL FROM:<${from}>`);
  if (mail.code !== 250) return mail;
  const reply = await session.command(`RCPT TO:<${to}>`);
  if (reply.code !== 421) await session.command('RSET');
  return reply;
}

async function timed(what) {
  const begin = process.hrtime.bigint();
  const reply = await what();
  return { ...reply, ms: Number(process.hrtime.bigint() - begin) / 1e6 };
}

/** How often `to` is taken, one after another, until it is not: its name, or a message with `ask` send. */
async function taken(session, to, most, ask = offer) {
  for (let n = 0; n < most; n += 1) {
    const reply = await ask(session, to);
    if (reply.code !== 250) {
      assert.match(reply.text, /^450 4\.7\.1 /);
      return n;
    }
  }
  return most;
}

/** A whole message: the reply to it, or the first that is none. */
async function send(session, to) {
  for (const [line, code] of [[`MAIL FROM:<${outside}>`, 250], [`RCPT TO:<${to}>`, 250], ['DATA', 354]]) {
    const reply = await session.command(line);
    if (reply.code === code) continue;
    await session.command('RSET');
    return reply;
  }
  return session.data(compose({ from: outside, to, subject: `one more ${Math.random()}` }));
}

test('two processes keep one limit of a tenant', async () => {
  await limit('--tenant', 'globex', '--of', 'tenant', '--what', 'messages', '--most', '10');
  const one = await clear();
  // What is named and not sent is no message of the tenant's.
  assert.equal(await taken(one, bob, 30), 30);
  const two = await clear({ port: second.port });
  assert.equal(await taken(one, bob, 6, send), 6);
  await sleep(2500);
  assert.equal(await taken(two, bob, 1, send), 1);
  await sleep(2500);
  assert.equal(await taken(two, bob, 99, send), 3);
  await sleep(2500);
  // What it asks for once more, it is told of.
  await send(one, bob);
  await sleep(2500);
  assert.equal(await taken(one, bob, 99, send), 0);
  // It is globex that has had enough.
  assert.equal((await offer(one, alice)).code, 250);
  await one.quit();
  await two.quit();
  await change('rate', 'set', '--tenant', 'globex', '--of', 'tenant', '--what', 'messages', '--usual');
  const again = await clear();
  await until(async () => (await send(again, bob)).code === 250, { what: 'the usual limit' });
  assert.equal(await taken(again, bob, 19, send), 19);
  await again.quit();
});

test('the tenant limits a client\'s messages itself', async () => {
  await tenantLimit('globex', '--messages', 'unknown=5');
  const one = await clear({ localAddress: '127.0.0.20' });
  const other = await clear({ localAddress: '127.0.0.21' });
  assert.equal(await taken(one, bob, 99), 5);
  assert.equal(await taken(other, bob, 99), 5);
  assert.equal((await offer(one, alice)).code, 250);
  await one.quit();
  await other.quit();
  await change('tenant', 'set', '--tenant', 'globex', '--messages', 'unknown=default');
});

/**
 * Asks for `most` addresses that are not there, two at a time from one client, until
 * nothing is told. Gives what was seen of the brake.
 */
async function harvest(localAddress, most) {
  const seen = { asked: 0, slow: 0, silent: false, times: [] };
  const ask = async (session) => {
    for (let n = 0; n < most / 2 && !seen.silent; n += 1) {
      seen.asked += 1;
      const reply = await timed(() => session.command(`RCPT TO:<nobody${seen.asked}@acme.example>`));
      if (reply.code === 450) seen.silent = true;
      else assert.ok(reply.text.startsWith('550 5.1.1'), reply.text);
      seen.times.push(reply.ms);
      if (reply.ms > 90) seen.slow += 1;
    }
  };
  const sessions = await Promise.all([0, 1].map(() => clear({ localAddress })));
  for (const session of sessions) assert.equal((await session.command(`MAIL FROM:<${outside}>`)).code, 250);
  await Promise.all(sessions.map(ask));
  for (const session of sessions) await session.quit();
  return seen;
}

/**
 * What a client is answered whatever it asks for: one text for all, at either process. A
 * member's address as a sender is taken like any other, for nobody.
 */
async function answered(localAddress) {
  const ask = async (from, to, port) => {
    const session = await clear({ localAddress, port });
    // Who comes to a process is known to it within a second.
    if (port) await sleep(2500);
    const mail = await session.command(`MAIL FROM:<${from}>`);
    const reply = mail.code === 250 ? await session.command(`RCPT TO:<${to}>`) : mail;
    await session.quit();
    return reply.text;
  };
  return Promise.all([ask(outside, alice), ask(outside, 'nobody@acme.example'), ask(outside, bob),
    ask(outside, 'x@elsewhere.example'), ask(alice, alice), ask(outside, alice, second.port)]);
}

test('who asks for addresses is answered ever more slowly, then not at all; others are not disturbed', async () => {
  await tenantLimit('acme', '--harvest', '4');
  let texts;
  // Silence lasts until a quarter of the next window is over; a machine that is too slow for that begins again.
  for (let n = 30; n < 34 && new Set(texts).size !== 1; n += 1) {
    await fresh();
    braked = `127.0.0.${n}`;
    const seen = await harvest(braked, 38);
    assert.ok(seen.slow >= 3, `slow: ${seen.times}`);
    assert.ok(seen.silent, `told for ever: ${seen.times}`);
    texts = await answered(braked);
  }
  assert.equal(new Set(texts).size, 1, texts.join());
  assert.match(texts[0], /^450 4\.7\.1 /);
  const other = await clear({ localAddress: '127.0.0.3' });
  for (const [to, code] of [[alice, 250], ['nobody@acme.example', 550], [bob, 250]]) {
    const reply = await timed(() => offer(other, to));
    assert.equal(reply.code, code);
    assert.ok(reply.ms < 1000, `${to}: ${reply.ms}`);
  }
  await other.quit();
  // A member may go on from there.
  const member = await smtpConnect(inst, { localAddress: braked, auth: alice });
  assert.equal(member.auth.code, 235);
  assert.equal((await offer(member, 'nobody@acme.example', alice)).code, 550);
  assert.equal((await offer(member, 'admin@acme.example', alice)).code, 250);
  await member.quit();
  // It says in its metrics what it did.
  const metrics = await (await fetch(`http://127.0.0.1:${inst.ports.INTAKE_METRICS_PORT}/metrics`)).text();
  for (const answer of ['slow', 'silent']) {
    assert.match(metrics, new RegExp(`restante_brake_total\\{answer="${answer}"\\} [1-9]`));
  }
});

test('the control: with the brake off the same run is told everything at once', async () => {
  await tenantLimit('acme', '--harvest', '1000000');
  const seen = await harvest('127.0.0.4', 38);
  assert.equal(seen.silent, false);
  assert.ok(seen.slow < 3, `slow: ${seen.times}`);
  await change('tenant', 'set', '--tenant', 'acme', '--harvest', 'default');
});

test('clients on this machine have no limit that nobody set', async () => {
  const session = await clear();
  for (let batch = 0; batch < 42; batch += 1) {
    session.send(`MAIL FROM:<${outside}>\r\nRCPT TO:<${alice}>\r\nRSET\r\n`.repeat(50));
    for (let n = 0; n < 150; n += 1) assert.equal((await session.reply()).code, 250);
  }
  await session.quit();
});

test('limits that make no sense are not set', async () => {
  for (const args of [[], ['--what', 'auth'], ['--what', 'letters', '--most', '1'], ['--what', 'auth', '--most', 'x'],
    ['--what', 'auth', '--most', '1', '--usual'], ['--what', 'auth', '--of', 'tenant', '--most', '1'],
    ['--what', 'auth', '--class', 'known', '--most', '1'], ['--what', 'messages', '--class', 'all', '--most', '1'],
    ['--what', 'messages', '--of', 'client', '--tenant', 'acme', '--most', '1']]) {
    assert.equal((await inst.ctl('rate', 'set', ...args)).status, 2, args.join(' '));
  }
  assert.equal((await inst.ctl('rate', 'set', '--what', 'messages', '--tenant', 'none', '--most', '1')).status, 1);
  assert.equal((await inst.ctl('rate', 'set', '--what', 'messages', '--usual')).status, 1);
  assert.deepEqual(await inst.ctlJson('rate', 'list'), []);
});

test('VRFY and EXPN tell the same of everybody', async () => {
  const session = await clear();
  for (const [verb, code] of [['VRFY', 252], ['EXPN', 502]]) {
    const texts = new Set();
    for (const who of [alice, 'nobody@acme.example', 'alice', 'x@elsewhere.example']) {
      const reply = await session.command(`${verb} ${who}`);
      assert.equal(reply.code, code);
      texts.add(reply.text);
    }
    assert.equal(texts.size, 1);
  }
  await session.quit();
});

test('too many failed attempts to authenticate end the connection; others may go on', async () => {
  await limit('--what', 'auth', '--most', '5');
  assert.deepEqual(await inst.ctlJson('rate', 'list'),
    [{ tenant: null, of: 'client', what: 'auth', class: 'unknown', most: 5 }]);
  await fresh(8);
  for (let n = 0; n < 5; n += 1) {
    const session = await smtpConnect(inst, { localAddress: '127.0.0.5', auth: { user: alice, password: 'wrong' } });
    assert.equal(session.auth.code, 535);
    await session.quit();
  }
  for (const password of ['wrong', undefined]) {
    const session = await smtpConnect(inst, { localAddress: '127.0.0.5', auth: { user: alice, password } });
    assert.match(session.auth.text, /^421 4\.7\.0 /);
    session.close();
  }
  const other = await smtpConnect(inst, { localAddress: '127.0.0.6', auth: alice });
  assert.equal(other.auth.code, 235);
  await other.quit();
  await change('rate', 'set', '--what', 'auth', '--usual');
});

test('without the database counting goes on', async () => {
  await limit('--what', 'connections', '--most', '10');
  const connect = async () => {
    const session = await clear({ localAddress: '127.0.0.7', helo: null });
    session.close();
    return session.greeting.text;
  };
  const pid = await inst.kill('postgres', 'SIGSTOP');
  try {
    for (let n = 0; n < 10; n += 1) assert.match(await connect(), /^220 /);
    for (let n = 0; n < 3; n += 1) assert.match(await connect(), /^421 4\.7\.0 /);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await change('rate', 'set', '--what', 'connections', '--usual');
  await until(async () => /^220 /.test(await connect()), { what: 'connections are taken again' });
});

test('a window later who asked for addresses is answered as before', async () => {
  await until(async () => {
    const later = await clear({ localAddress: braked });
    const reply = await timed(() => offer(later, alice));
    await later.quit();
    return reply.code === 250 && reply.ms < 90 * 2;
  }, { timeout: 1000 * 15 * brakeSeconds, every: 1000, what: 'answers again' });
  const later = await clear({ localAddress: braked });
  assert.equal((await offer(later, 'nobody@acme.example')).code, 550);
  await later.quit();
});
