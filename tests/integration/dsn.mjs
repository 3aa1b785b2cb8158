// dsn.mjs: what senders are told of the way their messages took, and what nobody is told
// (RFC 3461, 3464). The smart host is in the test's hands.
import test, { after, before, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { until, sleep } from '../lib/process.mjs';
import { scratch, startInstallation } from '../lib/installation.mjs';
import { OwnServer, readReport } from '../lib/ownserver.mjs';
import { smtpConnect } from '../lib/smtp.mjs';
import { pickUp, signIn } from '../lib/road.mjs';

const alice = 'alice@acme.example', admin = 'admin@acme.example';
let inst, host;

before(async () => {
  const dir = await scratch();
  const state = path.join(dir, 'var');
  host = await new OwnServer().listen();
  host.useTls(state);
  inst = await startInstallation({ state, env: {
    RESTANTE_SMARTHOST: `localhost:${host.port}`, RESTANTE_SMARTHOST_TLS: 'required',
    SSL_CERT_FILE: path.join(state, 'tls/ca.pem'), RESTANTE_THREADS: 2 } });
  inst.scratch = dir;
});
after(async () => {
  await inst?.stop();
  await host?.close();
});
beforeEach(() => Object.assign(host, { say: () => undefined, mails: [], commands: [] }));

let number = 0;
const somebody = (who = 'zoe') => `${who}${++number}@partner.example`;

/** A message; by AUTH where `auth` names a member. Gives id, mid and its secret word. */
async function send({ from, to, auth, mail = '', rcpt = '', headers = '' }) {
  const word = randomBytes(12).toString('hex'), mid = `${randomBytes(8).toString('hex')}@partner.example`;
  const session = await smtpConnect(inst, { auth });
  let reply = await session.command(`MAIL FROM:<${from}>${mail}`);
  for (const [one, options = rcpt] of [to].flat().map((t) => [t].flat())) {
    assert.equal(reply.code, 250, reply.text);
    reply = await session.command(`RCPT TO:<${one}>${options}`);
  }
  assert.equal(reply.code, 250, reply.text);
  await session.command('DATA');
  reply = await session.data(`From: Somebody <${from || 'x@partner.example'}>\r\nTo: you\r\nSubject: ${word}\r\n` +
    `Date: Fri, 20 Nov 2026 13:58:00 +0000\r\nMessage-ID: <${mid}>\r\n${headers}\r\n${word}\r\n`);
  session.close();
  assert.equal(reply.code, 250, reply.text);
  return { id: reply.text.match(/[0-9a-f-]{36}/)[0], mid, word };
}

const reportsTo = (to) => host.mails.filter((m) => m.to === to && /report-type=delivery-status/.test(m.raw) && /^250/.test(m.answer ?? ''));
/** The delivery status mail somebody got, checked for what holds of each. */
async function told(to, { count = 1, sent } = {}) {
  const mail = (await until(() => reportsTo(to).length >= count && reportsTo(to), { timeout: 20000, what: `a report to ${to}` }))[count - 1];
  const report = readReport(mail.raw);
  assert.equal(mail.from, '', 'from the null sender');
  assert.match(mail.header, /^Auto-Submitted: auto-replied$/m);
  assert.match(mail.header, /^X-Auto-Response-Suppress: /m);
  assert.deepEqual(report.types, ['text/plain', 'message/delivery-status', 'text/rfc822-headers']);
  assert.ok(report.about['reporting-mta'].startsWith('dns;'));
  assert.ok(report.about['arrival-date']);
  if (sent) {
    assert.ok(!mail.raw.includes(sent.word), 'nothing of the message');
    assert.equal(report.original['message-id'] ?? `<${sent.mid}>`, `<${sent.mid}>`);
  }
  return report;
}
const statuses = async (id) => Number((await inst.rows(`SELECT count(*) FROM outbox WHERE message_id = '${id}' AND kind = 5`))[0][0]);
const ended = (id) => until(async () => (await inst.rows(
  `SELECT 1 FROM outbox WHERE message_id = '${id}' AND kind <> 5 AND state = 1`)).length === 0, { what: 'all mails are out' });
/** All that goes out about a message is out, and none of it was a report. */
async function nothing(sent, to) {
  await ended(sent.id);
  assert.equal(await statuses(sent.id), 0);
  assert.equal(reportsTo(to).length, 0);
}

test('a member has it: delivered, with what was said of the envelope', async () => {
  const from = somebody();
  const sent = await send({ from, to: alice, mail: ' RET=FULL ENVID=QQ+2B314159', rcpt: ' NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Alice+40acme.example' });
  const report = await told(from, { sent });
  assert.equal(report.about['original-envelope-id'], 'QQ+314159');
  assert.deepEqual(report.recipients, [{ 'original-recipient': 'rfc822;Alice@acme.example',
    'final-recipient': `rfc822;${alice}`, action: 'delivered', status: '2.0.0' }]);
  assert.equal(report.original['message-id'], `<${sent.mid}>`);
  assert.equal(report.original.from, from);
});

test('nothing asked, nothing told; nor by who asked for failures alone', async () => {
  for (const rcpt of ['', ' NOTIFY=FAILURE,DELAY', ' NOTIFY=NEVER']) {
    const from = somebody();
    await nothing(await send({ from, to: alice, rcpt }), from);
  }
});

test('several recipients, asked for one by one, are one mail', async () => {
  const from = somebody();
  const sent = await send({ from, to: [[alice, ' NOTIFY=SUCCESS'], [admin, ' NOTIFY=SUCCESS']] });
  const report = await told(from, { sent });
  assert.deepEqual(report.recipients.map((r) => r['final-recipient']).sort(), [`rfc822;${admin}`, `rfc822;${alice}`]);
  const other = somebody();
  const half = await send({ from: other, to: [[alice, ' NOTIFY=SUCCESS'], [admin, ' NOTIFY=NEVER']] });
  assert.equal((await told(other, { sent: half })).recipients.length, 1);
});

test('one reader by two names: each is told of, as it was asked for', async () => {
  await inst.ctlJson('alias', 'add', '--tenant', 'acme', '--address', 'info@acme.example', '--member', alice);
  await sleep(2200);
  for (const [first, second] of [[alice, 'info@acme.example'], ['info@acme.example', alice]]) {
    const from = somebody();
    const sent = await send({ from, to: [[first, ' NOTIFY=NEVER'], [second, ' NOTIFY=SUCCESS']] });
    assert.deepEqual((await told(from, { sent })).recipients.map((r) => r['final-recipient']), [`rfc822;${second}`]);
    const other = somebody();
    const both = await send({ from: other, to: [first, second], rcpt: ' NOTIFY=SUCCESS' });
    assert.deepEqual((await told(other, { sent: both })).recipients.map((r) => r['final-recipient']).sort(),
      [`rfc822;${alice}`, 'rfc822;info@acme.example']);
  }
});

test('a list is expanded, and who is on it stays unsaid', async () => {
  const list = (...options) => inst.ctlJson('list', ...options, '--tenant', 'acme', '--list', 'staff@acme.example');
  await list('add', '--open');
  for (const one of [alice, admin]) await list('join', '--address', one);
  await sleep(2200);
  const from = somebody();
  const sent = await send({ from, to: 'staff@acme.example', rcpt: ' NOTIFY=SUCCESS' });
  const report = await told(from, { sent });
  assert.deepEqual(report.recipients, [{ 'final-recipient': 'rfc822;staff@acme.example', action: 'expanded', status: '2.0.0' }]);
  await ended(sent.id);
  assert.equal(reportsTo(from).length, 1);
});

test('who is on a list and named as well is told of by that name', async () => {
  const to = somebody(), word = (...options) => inst.ctlJson('list', ...options, '--tenant', 'acme', '--list', 'away@acme.example');
  await word('add');
  await word('join', '--address', to);
  await sleep(2200);
  const sent = await send({ from: alice, auth: alice, to: [['away@acme.example', ' NOTIFY=NEVER'], [to, ' NOTIFY=SUCCESS']] });
  const report = await told(alice, { sent });
  assert.deepEqual(report.recipients.map((r) => [r['final-recipient'], r.action]), [[`rfc822;${to}`, 'relayed']]);
});

test('somebody outside: relayed when their server has the notice, and not before', async () => {
  const to = somebody('carol');
  let first = true;
  host.say = (verb, mail) => (verb === 'RCPT' && mail.to === to && first ? '450 4.2.0 Later' : undefined);
  const sent = await send({ from: alice, auth: alice, to, rcpt: ' NOTIFY=SUCCESS', mail: ' ENVID=42' });
  await until(async () => (await inst.rows(`SELECT 1 FROM outbox WHERE message_id = '${sent.id}' AND last_reply <> ''`)).length, { what: 'one answer' });
  assert.equal(reportsTo(alice).length, 0);
  first = false;
  await inst.rows(`UPDATE outbox SET due = now() WHERE message_id = '${sent.id}'; NOTIFY restante_outbox`);
  const report = await told(alice, { sent });
  assert.equal(report.about['original-envelope-id'], '42');
  assert.equal(report.recipients[0].action, 'relayed');
  assert.equal(report.recipients[0].status, '2.1.9');
  assert.equal(report.recipients[0]['final-recipient'], `rfc822;${to}`);
  assert.equal(report.original['message-id'], `<${sent.mid}>`);
});

test('their server refuses the notice: failed, once, unless it was not to be told', async () => {
  const to = somebody('carol');
  host.say = (verb, mail) => (verb === 'RCPT' && mail.to.startsWith('carol') ? '550 5.1.1 No such user' : undefined);
  const sent = await send({ from: alice, auth: alice, to });
  const report = await told(alice, { sent });
  assert.equal(report.recipients[0].action, 'failed');
  assert.equal(report.recipients[0].status, '5.1.1');
  assert.equal(report.recipients[0]['diagnostic-code'], 'smtp;550 5.1.1 No such user');
  assert.equal(report.original['message-id'], `<${sent.mid}>`);
  assert.match(report.text, new RegExp(`/message/${sent.id}/track`));
  await sleep(500);
  assert.equal(reportsTo(alice).length, 1);
  for (const rcpt of [' NOTIFY=NEVER', ' NOTIFY=SUCCESS', ' NOTIFY=DELAY']) {
    const quiet = await send({ from: alice, auth: alice, to: somebody('carol'), rcpt });
    await ended(quiet.id);
    assert.equal(await statuses(quiet.id), 0, rcpt);
  }
  assert.equal(reportsTo(alice).length, 1);
});

test('somebody outside with an account: the report names the message all the same', async () => {
  const to = somebody('erin');
  const mails = async () => host.mails.filter((mail) => mail.to === to);
  const catcher = { mails, wait: ({ subject = /./, after = [] }) => until(async () => (await mails())
    .findLast((mail) => subject.test(mail.subject) && !after.includes(mail)), { what: `a mail to ${to}` }) };
  await send({ from: alice, auth: alice, to });
  const { visitor } = await pickUp(Object.assign(Object.create(inst), { catcher }), 'acme.localhost', to, await catcher.wait({}));
  const password = 'a password of somebody';
  await visitor.go('/register');
  await visitor.submit({ name: '', password, password2: password }, { which: /password2/ });
  assert.equal(visitor.path, '/inbox?note=account');
  const fine = await send({ from: alice, auth: alice, to, rcpt: ' NOTIFY=SUCCESS' });
  assert.equal((await told(alice, { sent: fine })).original['message-id'], `<${fine.mid}>`);
  const notice = await catcher.wait({ after: await mails().then((all) => all.slice(0, 1)) });
  assert.doesNotMatch(notice.raw, new RegExp(fine.mid), 'the notice itself does not');
  host.say = (verb, mail) => (verb === 'RCPT' && mail.to === to ? '550 5.1.1 No such user' : undefined);
  const sent = await send({ from: alice, auth: alice, to });
  const report = await told(alice, { count: 2, sent });
  assert.equal(report.recipients[0].action, 'failed');
  assert.equal(report.original['message-id'], `<${sent.mid}>`);
});

test('a program is not answered', async () => {
  host.say = (verb, mail) => (verb === 'RCPT' && mail.to.startsWith('carol') ? '550 5.1.1 No such user' : undefined);
  await nothing(await send({ from: alice, auth: alice, to: somebody('carol'), rcpt: ' NOTIFY=SUCCESS,FAILURE',
    headers: 'Auto-Submitted: auto-generated\r\n' }), alice);
  const from = somebody();
  await nothing(await send({ from, to: alice, rcpt: ' NOTIFY=SUCCESS', headers: 'Auto-Submitted: auto-replied\r\n' }), from);
  await nothing(await send({ from: '', to: alice, rcpt: ' NOTIFY=SUCCESS' }), '');
});

test('who reads what a program wrote, or a report, makes no receipt', async () => {
  const visitor = await signIn(inst, 'acme.localhost', admin);
  const receipts = (mid) => host.mails.filter((m) => m.to === alice && m.raw.includes('disposition-notification') && m.raw.includes(mid)).length;
  for (const [headers, count] of [['', 1], ['Auto-Submitted: no\r\n', 1], ['Auto-Submitted: auto-replied\r\n', 0],
    ['Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n', 0]]) {
    const { id, mid } = await send({ from: alice, auth: alice, to: admin, headers });
    const page = await visitor.go(`/message/${id}`);
    assert.equal(page.status, 200);
    assert.equal(/is told that you read this/.test(page.text), count === 1, headers);
    await ended(id);
    assert.equal(receipts(mid), count, headers);
  }
});

test('a report that is refused makes no other', async () => {
  const from = somebody();
  host.say = (verb, mail) => (verb === 'RCPT' && mail.to === from ? '550 5.1.1 No such user' : undefined);
  const sent = await send({ from, to: alice, rcpt: ' NOTIFY=SUCCESS' });
  await until(async () => (await inst.rows(`SELECT 1 FROM outbox WHERE message_id = '${sent.id}' AND kind = 5 AND state = 2 AND item IS NULL`)).length,
    { what: 'refused for good' });
  assert.equal(await statuses(sent.id), 1);
});

test('a notice that waits for hours: the sender is told so once', async () => {
  const to = somebody('carol');
  host.say = (verb, mail) => (verb === 'RCPT' && mail.to === to ? '451 4.3.0 Not now' : undefined);
  const sent = await send({ from: alice, auth: alice, to });
  const late = () => inst.rows(`UPDATE outbox SET created = now() - interval '5 hours', due = now()
    WHERE message_id = '${sent.id}' AND kind = 1; NOTIFY restante_outbox`);
  const tries = async () => Number((await inst.rows(`SELECT tries FROM outbox WHERE message_id = '${sent.id}' AND kind = 1`))[0][0]);
  await until(async () => (await tries()) > 0, { what: 'a first try' });
  assert.equal(await statuses(sent.id), 0);
  await late();
  const report = await told(alice, { sent });
  assert.equal(report.recipients[0].action, 'delayed');
  assert.equal(report.recipients[0].status, '4.3.0');
  assert.ok(report.recipients[0]['will-retry-until']);
  const before = await tries();
  await late();
  await until(async () => (await tries()) > before, { what: 'one more try' });
  await sleep(500);
  assert.equal(reportsTo(alice).length, 1);
});

test('a member whose notice fails has the message: nobody is told that it failed', async () => {
  const from = somebody();
  host.say = (verb, mail) => (verb === 'RCPT' && mail.to === alice ? '550 5.1.1 No such user' : undefined);
  await nothing(await send({ from, to: alice }), from);
});

test('what is smuggled into ENVID and ORCPT ends nowhere', async () => {
  const from = somebody();
  const session = await smtpConnect(inst);
  const refused = async (line) => (await session.command(line)).code;
  const mail = await refused(`MAIL FROM:<${from}> ENVID=a+0D+0AAction:+20failed`);
  if (mail === 250) {
    await session.command(`RCPT TO:<${alice}> NOTIFY=SUCCESS ORCPT=rfc822;a+0D+0AX-Evil:+201`);
    await session.command('DATA');
    await session.data(`From: <${from}>\r\nSubject: x\r\n\r\nx\r\n`);
    const report = await told(from);
    assert.deepEqual(report.recipients.map((r) => r.action), ['delivered']);
    assert.ok(!('x-evil' in report.recipients[0]));
  } else {
    assert.ok(mail >= 500, `ENVID: ${mail}`);
  }
  session.close();
});
