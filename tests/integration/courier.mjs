// courier.mjs: from the outbox to a smart host that is told how to behave: taken,
// refused, put off, cut, hung; couriers that die and that are asked to end.
import test, { after, before, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import { until, alive, sleep } from '../lib/process.mjs';
import { scratch, startInstallation } from '../lib/installation.mjs';
import { SmartHost } from '../lib/smarthost.mjs';
import { sendMail } from '../lib/smtp.mjs';
import { Visitor } from '../lib/web.mjs';
import { codeIn, linkPath } from '../lib/road.mjs';

let inst, host, dir;
before(async () => {
  dir = await scratch();
  const state = path.join(dir, 'var');
  host = await new SmartHost().listen();
  host.useTls(state);
  inst = await startInstallation({ state, env: {
    RESTANTE_SMARTHOST: `localhost:${host.port}`, RESTANTE_SMARTHOST_TLS: 'required',
    SSL_CERT_FILE: path.join(state, 'tls/ca.pem'), RESTANTE_THREADS: 2,
  } });
  inst.scratch = dir;
});
after(async () => {
  await inst?.stop();
  await host?.close();
});
beforeEach(() => Object.assign(host, { say: () => undefined, delay: 0 }));

let number = 0;
const somebody = () => `reader${++number}@partner.example`;

async function send(to, subject = 'Quarterly figures') {
  const reply = await sendMail(inst, { from: 'alice@acme.example', to, subject });
  assert.equal(reply.code, 250, reply.text);
  return reply.text.match(/[0-9a-f-]{36}/)[0];
}

const rows = (id) => inst.rows(`SELECT state, item IS NULL, tries, last_reply FROM outbox WHERE message_id = '${id}'`);
const events = async (id) => (await inst.rows(`SELECT kind FROM event WHERE message_id = '${id}' AND kind IN (2, 3)`)).length;
const dueNow = (id) => inst.rows(`UPDATE outbox SET due = now() WHERE message_id = '${id}'; NOTIFY restante_outbox`);
const rowGone = (id) => until(async () => (await rows(id)).length === 0, { what: 'row gone' });

test('a notice goes out over verified TLS and leaves nothing in the outbox', async () => {
  const to = somebody();
  const id = await send(to);
  const [mail] = await host.wait(to);
  assert.ok(mail.secure);
  assert.match(mail.from, /@acme\.example$/);
  assert.match(mail.header, /^Auto-Submitted: auto-generated$/m);
  assert.match(mail.field('From'), /Alice Example via Acme Bank/);
  assert.doesNotMatch(mail.raw, /Quarterly/);
  assert.ok(mail.raw.length < 20000);
  await rowGone(id);
});

test('a bounce to a member has its notice, which can be answered to nobody', async () => {
  const to = 'alice@acme.example';
  const reply = await sendMail(inst, { from: '', to, subject: 'Undelivered Mail' });
  assert.equal(reply.code, 250, reply.text);
  const [mail] = await host.wait(to);
  assert.match(mail.subject, /^A mail server sent you a secure message/);
  assert.equal(mail.field('Reply-To'), undefined);
  assert.doesNotMatch(mail.raw, /Undelivered Mail/);
  await rowGone(reply.text.match(/[0-9a-f-]{36}/)[0]);
});

for (const [name, verb, answer] of [
  ['refused for now at RCPT', 'RCPT', '450 4.2.0 Greylisted'],
  ['refused for now at its end', 'END', '452 4.3.1 Full'],
  ['cut after its last line', 'END', 'cut'],
]) {
  test(`a mail that is ${name} is sent again under the same Message-ID`, async () => {
    const to = somebody();
    let tries = 0;
    host.say = (at, mail) => (at === verb && mail.to === to && ++tries === 1 ? answer : undefined);
    const id = await send(to);
    await until(async () => (await rows(id))[0]?.[3] !== '', { what: 'an answer written down' });
    const [[state, secretGone]] = await rows(id);
    assert.deepEqual([state, secretGone], ['1', 'f']);
    await dueNow(id);
    await host.wait(to);
    await rowGone(id);
    const ids = host.mails.filter((m) => m.to === to).map((m) => m.id);
    assert.equal(ids.length, verb === 'END' ? 2 : 1);
    assert.equal(new Set(ids).size, 1);
  });
}

test('a mail refused for good is not sent again, and its secret is destroyed', async () => {
  const to = somebody();
  host.say = (at, mail) => (at === 'RCPT' && mail.to === to
    ? `550 5.1.1 <${to}>: no such user` : undefined);
  const id = await send(to);
  await until(async () => (await rows(id))[0]?.[0] === '2', { what: 'failed for good' });
  const [[, secretGone, , reply]] = await rows(id);
  assert.equal(secretGone, 't');
  assert.equal(reply, '550 5.1.1 ... no such user');
  const log = await inst.log('courier');
  assert.doesNotMatch(log, /@/);
});

test('nobody at the smart host: the mail waits', async () => {
  const to = somebody();
  host.say = (at) => (at === 'CONNECT' ? '421 4.3.2 Closing' : undefined);
  const id = await send(to);
  await until(async () => (await rows(id))[0]?.[3] !== '', { what: 'an answer written down' });
  host.say = () => undefined;
  await dueNow(id);
  await host.wait(to);
  await rowGone(id);
});

/** A mail whose last answer the smart host holds back until answer() is called. */
async function heldMail() {
  const to = somebody();
  let answer;
  const release = new Promise((r) => { answer = () => r(undefined); });
  host.say = (at, mail) => (at === 'END' && mail.to === to ? release : undefined);
  const id = await send(to);
  await until(() => host.mails.some((m) => m.to === to), { what: 'the mail is held' });
  return { to, id, answer };
}

test('a courier killed in the middle of a mail: it is sent again as the same mail', async () => {
  const { to, id, answer } = await heldMail();
  const pid = await inst.kill('courier', 'SIGKILL');
  host.say = () => undefined;
  answer();
  await inst.back('courier', pid);
  await dueNow(id);
  await rowGone(id);
  const mails = host.mails.filter((m) => m.to === to);
  assert.equal(mails.length, 2);
  assert.equal(mails[0].raw, mails[1].raw);
});

test('SIGTERM: what is under way is ended first', async () => {
  const { to, id, answer } = await heldMail();
  const pid = await inst.kill('courier', 'SIGTERM');
  await sleep(700);
  assert.ok(await alive(pid), 'it waits for the answer');
  answer();
  await until(async () => !(await alive(pid)), { what: 'the courier ended' });
  await inst.back('courier', pid);
  await rowGone(id);
  assert.equal(host.mails.filter((m) => m.to === to).length, 1);
});

test('a courier that starts sweeps out sessions that have ended, and no others', async () => {
  const add = (name, expires) => inst.rows(`INSERT INTO session (tenant_id, hash, kind, blob, expires)
    SELECT tenant_id, sha256('${name}'), 1, '\\x00', now() + interval '${expires}' FROM tenant LIMIT 1`);
  const left = () => inst.rows(`SELECT convert_from(name, 'UTF8') FROM unnest(ARRAY['ended', 'live']::bytea[]) name
    JOIN session ON hash = sha256(name) ORDER BY 1`);
  await add('live', '1 hour');
  await add('ended', '-1 hour'); // the courier that is there may only just have begun: it sweeps too
  assert.ok((await left()).flat().includes('live'));
  await inst.back('courier', await inst.kill('courier', 'SIGTERM'));
  await until(async () => (await left()).length < 2, { what: 'swept' });
  assert.deepEqual((await left()).flat(), ['live']);
});

for (const service of ['postgres', 'keyd']) {
  test(`${service} killed: the courier goes on by itself`, async () => {
    const before = await inst.pid('courier');
    await inst.back(service, await inst.kill(service));
    const to = somebody();
    await until(async () => (await sendMail(inst, { from: 'alice@acme.example', to })).code === 250,
      { what: 'intake takes mail again', every: 300 });
    await host.wait(to, { timeout: 40000 });
    assert.equal(await inst.pid('courier'), before);
  });
}

test('many mails share a session, and a code overtakes the notices that wait', async () => {
  const [first] = await (async () => {
    const to = somebody();
    await send(to);
    return host.wait(to);
  })();
  const people = Array.from({ length: 30 }, somebody);
  const had = host.sessions;
  host.delay = 200;
  await send(people);
  await host.wait(people[0]);
  const visitor = new Visitor(inst, 'acme.localhost');
  await visitor.go(linkPath(first));
  await visitor.submit({ address: first.to }, { which: /name="address"/ });
  const [, code] = await host.wait(first.to, { count: 2 });
  assert.match(codeIn(code), /^\w{4}-\w{4}$/);
  const answered = () => people.filter((to) => host.mails.some((m) => m.to === to && m.answer)).length;
  assert.ok(answered() < people.length, `${answered()} notices went before the code`);
  for (const to of people) await host.wait(to);
  assert.ok(host.sessions - had < 12, `${host.sessions - had} sessions for 31 mails`);
});
