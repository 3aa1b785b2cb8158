// tls.mjs: certificates by name and kind, their reload, tickets, what is not spoken; a
// worker that dies; what a worker cannot do.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import tls from 'node:tls';
import { freePorts, startInstallation } from '../lib/installation.mjs';
import { compose, sendMail, smtpConnect } from '../lib/smtp.mjs';
import { alive, descendants, must, sleep, top, until } from '../lib/process.mjs';
import { request } from '../lib/web.mjs';
import { messageIds, signIn } from '../lib/road.mjs';

const from = 'alice@acme.example';
const period = 3;
let inst;
let hosts;

before(async () => {
  inst = await startInstallation({ env: { RESTANTE_TICKET_PERIOD: String(period) } });
  hosts = path.join(inst.state, 'tls/hosts');
});
after(() => inst?.stop());

/** A handshake: { name, kind, protocol, cipher, ticket, reused }; rejects when it fails. */
async function shake(servername, { port = inst.ports.HTTPS_PORT, keep = false, ...more } = {}) {
  const socket = tls.connect({ host: inst.host, port, servername, ca: inst.ca,
    checkServerIdentity: () => undefined, ...more });
  await once(socket, 'secureConnect');
  const cert = socket.getPeerCertificate();
  const seen = { name: cert.subject?.CN, names: cert.subjectaltname, kind: cert.asn1Curve ? 'ecdsa' : 'rsa',
    protocol: socket.getProtocol(), cipher: socket.getCipher().name, ticket: socket.getTLSTicket(),
    session: socket.getSession(), reused: socket.isSessionReused() };
  if (keep) return { ...seen, socket };
  socket.destroy();
  return seen;
}

const rsaOnly = { sigalgs: 'rsa_pss_rsae_sha256:rsa_pkcs1_sha256' };
const ecdsaOnly = { sigalgs: 'ecdsa_secp256r1_sha256' };
const old = { maxVersion: 'TLSv1.2' };

/** SIGHUP, and what the service's log says of it: waits for `line`. */
async function reload(line, services = ['portal']) {
  for (const service of services) {
    const before = (await inst.log(service)).length;
    process.kill(await inst.pid(service), 'SIGHUP');
    await until(async () => line.test((await inst.log(service)).slice(before)), { what: `${service}: ${line}` });
  }
}

const issue = (host) => must(path.join(top, 'conf/dev/certificate.sh'), [host], { env: { ...process.env, STATE: inst.state } });

test('each name gets its own certificate, others the default; both kinds, both versions', async () => {
  for (const [asked, shown] of [['acme.localhost', 'acme.localhost'], ['ACME.localhost', 'acme.localhost'],
    ['globex.localhost', 'globex.localhost'], ['nobody.example', 'localhost'], ['x.acme.localhost', 'localhost'], ['', 'localhost']]) {
    for (const port of [inst.ports.HTTPS_PORT, inst.ports.SMTPS_PORT]) {
      assert.equal((await shake(asked, { port })).name, shown, asked);
    }
    assert.equal((await shake(asked, rsaOnly)).kind, 'rsa');
  }
  for (const port of [inst.ports.HTTPS_PORT, inst.ports.SMTPS_PORT]) {
    assert.equal((await shake('acme.localhost', { port, ...rsaOnly })).kind, 'rsa');
    assert.equal((await shake('acme.localhost', { port, ...ecdsaOnly, ...old })).kind, 'ecdsa');
    assert.equal((await shake('acme.localhost', { port, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', ...old })).kind, 'rsa');
  }
  const both = await shake('acme.localhost');
  assert.equal(both.kind, 'ecdsa');
  assert.equal(both.protocol, 'TLSv1.3');
  const phone = await shake('acme.localhost', { ciphers: 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384' });
  assert.equal(phone.cipher, 'TLS_CHACHA20_POLY1305_SHA256');
});

test('TLS 1.1 and ciphers in CBC are not spoken', async () => {
  const weak = { minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' };
  await assert.rejects(shake('acme.localhost', { ...weak, maxVersion: 'TLSv1.1' }));
  for (const ciphers of ['ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES128-SHA256', 'ECDHE-RSA-AES256-SHA384', 'AES128-GCM-SHA256']) {
    await assert.rejects(shake('acme.localhost', { ...old, ciphers }), ciphers);
  }
  await shake('acme.localhost', { ...old, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' });
});

const keyName = (ticket) => ticket.subarray(0, 16).toString('hex');

/** A full handshake whose ticket is under another key than `name`. */
const nextKey = (name) => until(async () => {
  const seen = await shake('acme.localhost', old);
  return keyName(seen.ticket) !== name && seen;
}, { every: 100, what: 'the key of tickets rotates' });

test('a ticket opens under the key before, is renewed, and no longer under the one before that', async () => {
  let first = await shake('acme.localhost', old);
  assert.equal((await shake('acme.localhost', { ...old, session: first.session })).reused, true);
  let later;
  for (let i = 0; i < 5; i++) {
    const second = await nextKey(keyName(first.ticket));
    later = await shake('acme.localhost', { ...old, session: first.session });
    if (later.reused) {
      assert.equal(keyName(later.ticket), keyName(second.ticket));
      break;
    }
    first = await shake('acme.localhost', old); // a slow machine: once more
  }
  assert.equal(later.reused, true);
  await nextKey(keyName((await nextKey(keyName(first.ticket))).ticket));
  assert.equal((await shake('acme.localhost', { ...old, session: first.session })).reused, false);
});

test('of TLS 1.3 a ticket comes with the first answer, and none with a handshake alone', async () => {
  const { socket } = await shake('acme.localhost', { keep: true });
  const sessions = [];
  socket.on('session', (session) => sessions.push(session));
  await sleep(300);
  assert.equal(sessions.length, 0);
  for (let i = 0; i < 2; i++) {
    socket.write('GET /robots.txt HTTP/1.1\r\nHost: acme.localhost\r\n\r\n');
    const [bytes] = await once(socket, 'data');
    assert.match(bytes.toString('latin1'), /^HTTP\/1\.1 200 /);
  }
  assert.equal(sessions.length, 1);
  socket.destroy();
  assert.equal((await shake('acme.localhost', { session: sessions[0] })).reused, true);
});

test('a new host serves after SIGHUP; connections and transfers that run go on', async () => {
  const { status, stderr } = await inst.ctl('tenant', 'add', '--id-name', 'third', '--name', 'Third', '--domain',
    'third.example', '--host', 'third.localhost', '--contact', 'post@third.example', '--color', '#225522');
  assert.equal(status, 0, stderr);
  assert.equal((await shake('third.localhost')).name, 'localhost');

  const { socket } = await shake('acme.localhost', { keep: true });
  let answer = '';
  socket.on('data', (data) => { answer += data; });
  const ask = async () => {
    answer = '';
    socket.write(`GET /readyz HTTP/1.1\r\nHost: acme.localhost:${inst.ports.HTTPS_PORT}\r\n\r\n`);
    await until(() => /^HTTP\/1.1 200 [\s\S]*\r\n\r\n/.test(answer), { what: 'an answer' });
  };
  await ask();
  const goOn = await download();
  const mail = await smtpConnect(inst, { auth: from });
  for (const [command, code] of [[`MAIL FROM:<${from}>`, 250], ['RCPT TO:<admin@acme.example>', 250], ['DATA', 354]]) {
    assert.equal((await mail.command(command)).code, code);
  }
  const data = compose({ from, to: 'admin@acme.example', subject: 'across a reload' });
  mail.send(data.slice(0, 40));

  await issue('third.localhost');
  await reload(/"event":"certificates"/, ['portal', 'intake']);
  const now = await shake('third.localhost');
  assert.equal(now.name, 'third.localhost');
  assert.equal((await shake('third.localhost', rsaOnly)).kind, 'rsa');
  assert.equal((await shake('third.localhost', { port: inst.ports.SMTPS_PORT })).name, 'third.localhost');
  assert.equal((await request(inst, 'third.localhost', '/')).status, 200);
  await ask();
  socket.destroy();
  const [come, whole] = await goOn();
  assert.equal(come, whole);
  mail.send(`${data.slice(40)}.\r\n`);
  assert.equal((await mail.reply()).code, 250);
  mail.close();
});

/** A download that has begun and stands still: { goOn } gives how many bytes came of how many. */
async function download() {
  const body = `${'x'.repeat(76)}\r\n`.repeat(400000);
  const sent = await sendMail(inst, { from, to: 'admin@acme.example', subject: 'large', body });
  assert.equal(sent.code, 250);
  const reader = await signIn(inst, 'acme.localhost', 'admin@acme.example');
  const [id] = messageIds((await reader.go('/inbox')).text);
  const { socket } = await shake('acme.localhost', { keep: true });
  let head = '';
  let come = 0;
  socket.on('data', (data) => {
    if (head.endsWith('\r\n\r\n')) {
      come += data.length;
      return;
    }
    const text = head + data.toString('latin1');
    const end = text.indexOf('\r\n\r\n') + 4;
    head = text.slice(0, end > 3 ? end : undefined);
    come = text.length - head.length;
    socket.pause();
  });
  socket.write(`GET /message/${id}/raw HTTP/1.1\r\nHost: acme.localhost:${inst.ports.HTTPS_PORT}\r\n`
    + `Cookie: ${[...reader.cookies].map((pair) => pair.join('=')).join('; ')}\r\n\r\n`);
  await until(() => head.endsWith('\r\n\r\n'), { what: 'a head' });
  const whole = Number(head.match(/content-length: (\d+)/i)[1]);
  return async () => {
    assert.ok(whole > body.length);
    assert.ok(come < whole / 2, 'it had not all come before');
    socket.resume();
    await until(() => come >= whole, { what: 'the rest of the download' });
    socket.destroy();
    return [come, whole];
  };
}

test('a bad pair keeps the old one, and the log says which and why', async () => {
  const place = path.join(hosts, 'globex.localhost');
  const chain = await fs.readFile(path.join(place, 'fullchain.pem'));
  const serial = async () => {
    const { socket } = await shake('globex.localhost', { keep: true });
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const had = await serial();
  const put = (text) => fs.writeFile(path.join(place, 'fullchain.pem'), text);
  const other = await fs.readFile(path.join(hosts, 'acme.localhost/fullchain.pem'));
  await put(other);
  await reload(/certificate refused.*host=globex\.localhost reason=\\"no key here is the certificate's/);
  assert.equal(await serial(), had);
  await put('not a certificate');
  await fs.rename(path.join(place, 'fullchain-rsa.pem'), path.join(place, 'aside'));
  await reload(/certificate refused.*host=globex\.localhost reason=\\"there is no certificate with its key/);
  assert.equal(await serial(), had);
  await fs.rename(path.join(place, 'aside'), path.join(place, 'fullchain-rsa.pem'));
  await must('openssl', ['x509', '-req', '-in', await csr(place), '-signkey', path.join(place, 'privkey.pem'),
    '-days', '-1', '-out', path.join(place, 'fullchain.pem')]);
  await reload(/certificate refused.*host=globex\.localhost reason=\\"the certificate has expired/);
  assert.equal(await serial(), had);
  await put(chain);
  await fs.writeFile(path.join(place, 'privkey.pem.bak'), 'left over');
  await reload(/"event":"certificates"/);
  assert.equal(await serial(), had);
  assert.equal((await shake('globex.localhost', rsaOnly)).kind, 'rsa');
});

async function csr(place) {
  const file = path.join(place, 'request');
  await must('openssl', ['req', '-new', '-key', path.join(place, 'privkey.pem'), '-subj', '/CN=globex.localhost', '-out', file]);
  return file;
}

/** Without TLS: { status, headers, text }. */
function plain(where, { method = 'GET', host = 'acme.localhost' } = {}) {
  return new Promise((resolve, reject) => {
    http.request({ host: inst.host, port: inst.ports.HTTP_PORT, method, path: where, headers: { host }, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => { text += part; });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    }).on('error', reject).end();
  });
}

test('the port without TLS sends people on, shows challenges, and does nothing else', async () => {
  const sent = await plain('/m/abc?d=e', { host: 'acme.localhost:80' });
  assert.equal(sent.status, 308);
  assert.equal(sent.headers.location, `https://acme.localhost:${inst.ports.HTTPS_PORT}/m/abc?d=e`);
  const dir = path.join(inst.state, 'acme/.well-known/acme-challenge');
  await fs.mkdir(dir, { recursive: true });
  await fs.writeFile(path.join(dir, 'token-1'), 'token-1.thumbprint');
  await fs.symlink(path.join(inst.state, 'tls/server.key'), path.join(dir, 'key'));
  const challenge = await plain('/.well-known/acme-challenge/token-1', { host: 'new.example' });
  assert.deepEqual([challenge.status, challenge.text], [200, 'token-1.thumbprint']);
  assert.equal((await plain('/.well-known/acme-challenge/absent')).status, 404);
  assert.equal((await plain('/.well-known/acme-challenge/key')).status, 404);
  const post = await plain('/login', { method: 'POST' });
  assert.equal(post.status, 403);
  for (const answer of [sent, challenge, post]) {
    assert.equal(answer.headers['set-cookie'], undefined);
    assert.equal(answer.headers['strict-transport-security'], undefined);
  }
});

/** The worker of a service. */
const workerOf = async (pid) => (await descendants(pid))[0];

test('a dead worker comes back under the same parent, with certificates and ticket keys', async () => {
  const parent = await inst.pid('portal');
  const ticket = await shake('third.localhost', old);
  const pauses = [];
  const before = (await inst.log('portal')).length;
  for (let i = 0; i < 3; i++) {
    const worker = await until(() => workerOf(parent), { what: 'a worker' });
    process.kill(worker, 'SIGKILL');
    // Nobody is turned away meanwhile: whoever comes waits.
    assert.equal((await request(inst, 'third.localhost', '/readyz')).status, 200);
    assert.notEqual(await workerOf(parent), worker);
    if (i === 0) assert.equal((await shake('third.localhost', { ...old, session: ticket.session })).reused, true);
  }
  for (const [, ms] of (await inst.log('portal')).slice(before).matchAll(/restarting worker 1 in (\d+) ms/g)) pauses.push(Number(ms));
  assert.deepEqual(pauses, [0, 1000, 2000]);
  assert.equal(await inst.pid('portal'), parent);
  assert.ok(await alive(parent));
});

/** A portal of its own beside the installation's, with the probe in it; what it says. */
async function probed(env, done) {
  const probe = path.join(inst.state, 'probe.so');
  await must(process.env.CC || 'cc', ['-shared', '-fPIC', '-O1', path.join(top, 'tests/lib/probe.c'), '-ldl', '-o', probe]);
  const role = (text) => text.replace('restante_ctl', 'restante_portal').replace(/ctl$/, 'portal');
  const environ = { ...process.env, ...inst.environment, G_SLICE: 'always-malloc',
    RESTANTE_DB: role(inst.environment.RESTANTE_DB), RESTANTE_KEYD: role(inst.environment.RESTANTE_KEYD) };
  const conf = path.join(inst.state, 'conf/probe.conf');
  let text = await fs.readFile(path.join(inst.state, 'conf/portal.conf'), 'utf8');
  const names = ['HTTPS_PORT', 'HTTP_PORT', 'METRICS_PORT'];
  const row = await freePorts(names.length);
  names.forEach((name, i) => { text = text.replaceAll(` ${inst.ports[name]} `, ` ${row[i]} `); });
  await fs.writeFile(conf, text.replaceAll('portal.pid', 'probe-run.pid'));
  const child = spawn(path.join(inst.bin, 'restante'), ['portal', conf],
    { detached: true, env: { ...environ, LD_PRELOAD: probe, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (data) => { said += data; });
  try {
    await until(() => done.test(said), { what: String(done) });
  } catch (error) {
    throw new Error(`${error.message}\n${said}`);
  } finally {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'close');
    }
  }
  return said;
}

test('a worker cannot open the key it serves with; without the wall it can', async () => {
  const key = path.join(inst.state, 'tls/server.key');
  assert.match(await probed({ PROBE_OPEN: key }, /probe: /), /probe: Permission denied/);
  const open = await probed({ PROBE_OPEN: key, PROBE_NO_LANDLOCK: '1' }, /probe: /);
  assert.match(open, /probe: opened/);
  assert.match(open, /"event":"landlock","detail":"not in this kernel/);
});

test('a call outside the list ends the worker; without the filter it lives', async () => {
  const some = { PROBE_OPEN: '/etc/passwd', PROBE_CALL: '1' };
  assert.doesNotMatch(await probed(some, /died from sandbox violation/), /probe: lives/);
  const said = await probed({ ...some, PROBE_NO_SECCOMP: '1' }, /probe: lives/);
  assert.doesNotMatch(said, /sandbox violation/);
});
