// intake_front.mjs: what comes before a session: front ends that say whose connection they
// pass on, who speaks too early, certificates of clients.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { once } from 'node:events';
import { freePorts, startInstallation } from '../lib/installation.mjs';
import { startHaproxy } from '../lib/fronts.mjs';
import { Session, compose, smtpConnect } from '../lib/smtp.mjs';
import { messageIds, signIn } from '../lib/road.mjs';
import { must, run, until } from '../lib/process.mjs';

const frontEnd = '127.0.0.2';
const alice = 'alice@acme.example';

let inst;
before(async () => { inst = await startInstallation({ env: { RESTANTE_PROXIES: `${frontEnd}, 192.0.2.0/24` } }); });
after(() => inst?.stop());

/** A header: family 1 or 2, command 0 or 1, whatever else. */
function header({ from = '192.0.2.7', command = 1, family, rest, more = Buffer.alloc(0) } = {}) {
  const six = from.includes(':');
  const address = six ? Buffer.concat([Buffer.from('20010db8', 'hex'), Buffer.alloc(11), Buffer.from([7]), Buffer.alloc(16)])
    : Buffer.from([...from.split('.').map(Number), 127, 0, 0, 1]);
  const body = rest ?? Buffer.concat([address, Buffer.from([4, 1, 0, 25]), more]);
  return Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a', 'hex'),
    Buffer.from([0x20 | command, family ?? (six ? 0x21 : 0x11), body.length >> 8, body.length & 255]), body]);
}

async function connect(port = inst.ports.SMTP_PORT, localAddress = frontEnd) {
  const socket = net.connect({ port, host: inst.host, localAddress });
  await once(socket, 'connect');
  return socket;
}

/** Sends a message to alice; the trace of it as she sees it. */
async function traced(session, subject) {
  await session.command('EHLO client.example');
  const last = await session.mail({ from: 'out@partner.example', to: alice, data: compose({ from: 'out@partner.example', to: alice, subject }) });
  assert.equal(last.code, 250, last.text);
  await session.quit();
  const reader = await signIn(inst, 'acme.localhost', alice);
  const [id] = messageIds((await reader.go('/inbox')).text);
  const { body } = await reader.go(`/message/${id}/raw`);
  const text = body.toString('latin1');
  assert.ok(text.includes(`Subject: ${subject}\r\n`));
  return text.slice(0, text.indexOf('\r\n\tby '));
}

test('one client behind a front end has 200 connections, and the next is told so; others have theirs', async () => {
  const open = async (from) => {
    const socket = await connect();
    socket.write(header({ from }));
    const session = new Session(socket);
    return Object.assign(session, { first: await session.reply() });
  };
  const sessions = await Promise.all(Array.from({ length: 200 }, () => open('198.51.100.9')));
  try {
    for (const { first } of sessions) assert.equal(first.code, 220, first.text);
    const refused = await open('198.51.100.9');
    assert.match(refused.first.text, /^421 4\.7\.0 .*Too many connections at once/);
    await until(() => refused.closed, { what: 'it is closed' });
    const other = await open('198.51.100.10');
    assert.equal(other.first.code, 220);
    await other.quit();
    await sessions.pop().quit();
    const next = await until(async () => {
      const session = await open('198.51.100.9');
      return session.first.code === 220 && session;
    }, { what: 'a place' });
    await next.quit();
  } finally {
    for (const session of sessions) session.close();
  }
});

test('behind HAProxy the client is the one that HAProxy names', async () => {
  const [port, smtps] = await freePorts(2);
  const to = (p) => `server intake ${inst.host}:${p} source ${frontEnd} send-proxy-v2`;
  const front = await startHaproxy({ port, config: `defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen smtp
  bind 127.0.0.1:${port}
  ${to(inst.ports.SMTP_PORT)}
listen smtps
  bind 127.0.0.1:${smtps}
  ${to(inst.ports.SMTPS_PORT)}
` });
  try {
    const session = new Session(await connect(port, '127.0.0.9'), inst.ca);
    assert.equal((await session.reply()).code, 220);
    assert.match(await traced(session, 'through HAProxy'), /\(\[127\.0\.0\.9\]\)$/);
    const secured = tls.connect({ socket: await connect(smtps, '127.0.0.10'), servername: 'localhost', ca: inst.ca });
    await once(secured, 'secureConnect');
    const inside = new Session(secured, inst.ca);
    assert.equal((await inside.reply()).code, 220);
    assert.match(await traced(inside, 'through HAProxy and TLS'), /\(\[127\.0\.0\.10\]\)$/);
  } finally {
    await front.stop();
  }
});

for (const [name, said, seen] of [
  ['IPv4', { from: '198.51.100.7' }, '198.51.100.7'],
  ['IPv6', { from: '2001:db8::7' }, '2001:db8::7'],
  ['more behind the addresses', { from: '198.51.100.8', more: Buffer.from('03000461626364', 'hex') }, '198.51.100.8'],
  ['itself', { command: 0, family: 0, rest: Buffer.alloc(0) }, frontEnd],
  ['nobody known', { family: 0, rest: Buffer.from('whatever') }, frontEnd],
  ['a Unix socket', { family: 0x31, rest: Buffer.alloc(216) }, frontEnd],
]) {
  test(`a header that names ${name}`, async () => {
    const socket = await connect();
    const session = new Session(socket, inst.ca);
    const bytes = header(said);
    socket.write(bytes.subarray(0, 13));
    await new Promise((done) => { setTimeout(done, 50); });
    assert.equal(session.received, '', 'no word before the header is whole');
    socket.write(bytes.subarray(13));
    assert.equal((await session.reply()).code, 220);
    assert.ok((await traced(session, `header of ${name}`)).includes(`(${seen.includes(':') ? `[IPv6:${seen}]` : `[${seen}]`})`));
  });
}

test('a front end that says anything else, or nothing, is closed without a word', async () => {
  const wrong = [Buffer.from('EHLO x\r\n'), Buffer.from('PROXY TCP4 192.0.2.7 127.0.0.1 1025 25\r\n'), header({ command: 2 }),
    header({ family: 0x12 }), header({ family: 0x41 }), header({ rest: Buffer.alloc(11) }), header({ more: Buffer.from([3, 0]) }),
    Buffer.alloc(0)];
  await Promise.all(wrong.map(async (bytes) => {
    const socket = await connect();
    let said = '';
    socket.on('data', (data) => { said += data; }).on('error', () => {});
    socket.write(bytes);
    await new Promise((closed) => { socket.on('close', closed); });
    assert.equal(said, '', bytes.toString('hex'));
  }));
});

test('what stands behind a header came before the banner: 554', async () => {
  const socket = await connect();
  const session = new Session(socket, inst.ca);
  socket.write(Buffer.concat([header(), Buffer.from('EHLO x\r\nMAIL FROM:<out@partner.example>\r\n')]));
  const { text } = await session.reply();
  assert.match(text, /^554 5\.5\.0 /);
  await until(() => session.closed);
  assert.equal(session.received, '');
});

test('nobody else may say it', async () => {
  const session = new Session(await connect(inst.ports.SMTP_PORT, '127.0.0.3'), inst.ca);
  assert.equal((await session.reply()).code, 220);
  session.send(header());
  assert.equal((await session.reply()).code, 500);
  session.close();
});

// ---- certificates of clients

/** A key and a certificate of its own, or by `issuer`. */
async function certificate(name, { issuer, ca = false } = {}) {
  const dir = path.join(inst.state, 'clients');
  await fs.mkdir(dir, { recursive: true });
  const [key, cert] = [path.join(dir, `${name}.key`), path.join(dir, `${name}.pem`)];
  await must('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', `/CN=${name}`, '-keyout', key, '-out', cert, '-addext', `basicConstraints=critical,CA:${ca ? 'TRUE' : 'FALSE'}`,
    ...(issuer ? ['-CA', issuer.files.cert, '-CAkey', issuer.files.key] : [])]);
  return { key: await fs.readFile(key), cert: await fs.readFile(cert), files: { key, cert } };
}

/** EHLO under STARTTLS or TLS with these credentials; { session, resumed, ticket }. */
async function secured(credentials, more = {}) {
  const { session: plain } = { session: new Session(await connect(inst.ports.SMTP_PORT, '127.0.0.1'), inst.ca) };
  await plain.reply();
  await plain.command('EHLO client.example');
  await plain.command('STARTTLS');
  plain.socket.removeAllListeners();
  const socket = tls.connect({ socket: plain.socket, servername: 'localhost', ca: inst.ca, ...credentials, ...more });
  let ticket;
  socket.on('session', (session) => { ticket = session; });
  await once(socket, 'secureConnect');
  const session = new Session(socket, inst.ca);
  assert.equal((await session.command('EHLO client.example')).code, 250);
  return { session, resumed: socket.isSessionReused(), ticket: () => ticket };
}

for (const version of ['TLSv1.2', 'TLSv1.3']) {
  test(`${version}: whoever shows a certificate is let in as who shows none, and shows it each time`, async () => {
    const mine = await certificate('relay.acme.example');
    const only = { minVersion: version, maxVersion: version };
    const none = await secured({}, only);
    assert.ok(none.ticket(), 'who shows none gets a ticket');
    none.session.close();
    const again = await secured({}, { ...only, session: none.ticket() });
    assert.equal(again.resumed, true);
    again.session.close();
    const first = await secured(mine, only);
    assert.equal((await first.session.command('NOOP')).code, 250);
    assert.equal(first.ticket(), undefined, 'who shows one gets none');
    first.session.close();
  });
}

test('a certificate without its key is no certificate', async () => {
  const [mine, other] = [await certificate('mine'), await certificate('other')];
  const { status, stderr, stdout } = await run('openssl', ['s_client', '-starttls', 'smtp', '-connect', `${inst.host}:${inst.ports.SMTP_PORT}`,
    '-cert', mine.files.cert, '-key', other.files.key], { input: '' });
  assert.notEqual(status, 0, stdout);
  assert.match(stderr, /key values mismatch|mismatch/);
});

test('intake asks for a certificate, the portal does not', async () => {
  const asks = async (port, ...more) => {
    const { stdout } = await run('openssl', ['s_client', '-tls1_2', '-msg', '-connect', `${inst.host}:${port}`, ...more], { input: '' });
    assert.match(stdout, /ServerHelloDone/);
    return /CertificateRequest/.test(stdout);
  };
  assert.equal(await asks(inst.ports.SMTP_PORT, '-starttls', 'smtp'), true);
  assert.equal(await asks(inst.ports.SMTPS_PORT), true);
  assert.equal(await asks(inst.ports.HTTPS_PORT), false);
});
